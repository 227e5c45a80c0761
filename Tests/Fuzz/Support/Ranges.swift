/// Holds that ranges stand in order, none of them empty, none in another, all within `count` bytes.
public func holdDisjoint(_ ranges: [Range<Int>], within count: Int) {
  var end = 0
  for range in ranges {
    hold(!range.isEmpty, "\(range) is empty")
    hold(range.lowerBound >= end, "\(range) begins before \(end)")
    hold(range.upperBound <= count, "\(range) ends after \(count)")
    end = range.upperBound
  }
}
