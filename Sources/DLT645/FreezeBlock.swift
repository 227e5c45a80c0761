import Metering

/// All that a freeze kept, in one answer: the time, registers with their rates, demands and powers, each part closed
/// by AAH.
///
/// Source: DL/T 645-2007, frozen data, DI1 FFH. AAH is no decimal digit of any item, so a part ends at the first one.
/// A part that is not kept leaves only its AAH; the last parts may be left out. Single-phase meters send an hourly
/// freeze as time, forward and reverse total without AAH between them, as in wuhuangrui/C82_DL689.
enum FreezeBlock {
  static let separator: UInt8 = 0xAA

  /// One part: the layout of the identifier that tells it alone.
  struct Section {
    let layout: Layout

    func fields(rates: Int) -> [DataField] { layout.fields(rates: rates) }
  }

  /// The parts in the order of DI1.
  static func sections(_ freeze: Freeze, _ back: Int) -> [Section] {
    guard let code = Catalogue.freezeKinds.first(where: { $0.freeze == freeze })?.code,
      (1...Catalogue.freezeDepth.upperBound).contains(back)
    else { return [] }
    return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A, 0x10].compactMap { di1 in
      DataIdentifier(5, code, di1, UInt8(back)).layout.map { Section(layout: $0) }
    }
  }

  static func read(_ data: Span<UInt8>, _ freeze: Freeze, _ back: Int, rates: Int?) throws(DataError) -> Decoded {
    let sections = sections(freeze, back)
    if let plain = plain(data, sections) { return plain }
    let counts = rates.map { $0...$0 } ?? 0...63
    for count in counts {
      let search = Search(sizes: sections.map { $0.layout.length(rates: count) ?? 0 }, isSizeKnown: rates != nil)
      var starts: [Int?] = []
      guard search.place(data, 0, at: 0, &starts) else { continue }
      var decoded = Decoded()
      for (section, start) in zip(sections, starts) {
        guard var position = start else { continue }
        for field in section.fields(rates: count) {
          decoded.take(field, data.extracting(position..<(position + field.format.size)))
          position += field.format.size
        }
      }
      return decoded
    }
    throw .blockParts(received: data.count)
  }

  /// Time, forward and reverse total, as they are; one byte may close them.
  private static func plain(_ data: Span<UInt8>, _ sections: [Section]) -> Decoded? {
    let closed = data.count == 14 && (data[13] == 0xAA || data[13] == 0xDD)
    guard data.count == 13 || closed, data[5] != separator else { return nil }
    var decoded = Decoded()
    var position = 0
    for field in sections.prefix(3).flatMap({ $0.fields(rates: 0) }) {
      decoded.take(field, data.extracting(position..<(position + field.format.size)))
      position += field.format.size
    }
    return decoded
  }

  /// The sizes of the parts, and whether the number of rates that they follow from is known or tried.
  private struct Search {
    let sizes: [Int]
    let isSizeKnown: Bool

    /// Finds where each part from `index` on starts; `nil` for one that was not kept. False where they do not fit.
    func place(_ data: Span<UInt8>, _ index: Int, at position: Int, _ starts: inout [Int?]) -> Bool {
      if position >= data.count { return index > 0 && starts.contains { $0 != nil } }
      guard index < sizes.count else { return false }
      if data[position] == separator {
        starts.append(nil)
        if place(data, index + 1, at: position + 1, &starts) { return true }
        starts.removeLast()
      }
      let end = position + sizes[index]
      // Some meters leave out the AAH of the last part.
      guard end == data.count || (end < data.count && data[end] == separator),
        isSizeKnown || !holdsSeparator(data, position..<end)
      else { return false }
      starts.append(position)
      if place(data, index + 1, at: end + 1, &starts) { return true }
      starts.removeLast()
      return false
    }

    /// True for bytes that may be two parts; with a known size they are one part with a bad digit.
    private func holdsSeparator(_ data: Span<UInt8>, _ range: Range<Int>) -> Bool {
      range.contains { data[$0] == separator }
    }
  }

  /// The parts of which `find` knows an item; the others leave their AAH, up to the last one.
  static func write(
    _ freeze: Freeze, _ back: Int, rates: Int?, _ find: (DataField) -> ItemContent?
  ) throws(PayloadError) -> [UInt8] {
    let sections = sections(freeze, back)
    let rates = rates ?? highestRate(sections, find)
    var bytes: [UInt8] = []
    for section in sections {
      let fields = section.fields(rates: rates)
      if fields.contains(where: { find($0) != nil }) {
        for field in fields { bytes += try field.bytes(find(field)) }
      }
      bytes.append(separator)
    }
    return bytes
  }

  private static func highestRate(_ sections: [Section], _ find: (DataField) -> ItemContent?) -> Int {
    for section in sections {
      let found = section.fields(rates: 63).lastIndex { find($0) != nil } ?? 0
      if case .rates = section.layout, found > 0 { return found }
    }
    return 0
  }
}
