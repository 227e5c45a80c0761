/// Values by name, in the order in which they were put.
///
/// Nearly all tables are short and are asked for a dozen names each. Those are searched from end to end, which takes less
/// than to hash one name; a long one has an index.
public struct NamedList<Value> {
  /// The names, in their order.
  public private(set) var keys: [TableKey] = []
  /// The values, in the order of their names.
  public private(set) var values: [Value] = []
  /// Places by name, once there are more than `longestSearched`.
  private var places: [TableKey: Int] = [:]

  private static var longestSearched: Int { 16 }

  /// A list without a name.
  public init() {}

  private init(keys: [TableKey], values: [Value], places: [TableKey: Int]) {
    self.keys = keys
    self.values = values
    self.places = places
  }

  /// Where `key` stands; `nil` where nobody has put it.
  public func place(of key: TableKey) -> Int? {
    places.isEmpty ? keys.firstIndex(of: key) : places[key]
  }

  /// What stands under `key`.
  public subscript(key: TableKey) -> Value? { place(of: key).map { values[$0] } }

  /// How many names there are.
  public var count: Int { keys.count }

  /// Puts a value under a name, in the place of the one that it had.
  public mutating func put(_ value: Value, under key: TableKey) {
    if let place = place(of: key) {
      values[place] = value
      return
    }
    keys.append(key)
    values.append(value)
    if !places.isEmpty {
      places[key] = keys.count - 1
    } else if keys.count > Self.longestSearched {
      for (place, key) in keys.enumerated() { places[key] = place }
    }
  }

  /// The same names with other values.
  public func mapValues<Other>(_ transform: (Value) -> Other) -> NamedList<Other> {
    NamedList<Other>(keys: keys, values: values.map(transform), places: places)
  }
}

extension NamedList: Sendable where Value: Sendable {}
extension NamedList: Equatable where Value: Equatable {}
extension NamedList: Hashable where Value: Hashable {}

extension NamedList: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (TableKey, Value)...) {
    for (key, value) in elements { put(value, under: key) }
  }
}
