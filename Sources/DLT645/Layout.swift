public import Metering

/// One item of an answer: what it is, which of the meter's memories it comes from, how it is laid out.
public struct CatalogueItem: Hashable, Sendable {
  public let quantity: Quantity
  public let memory: Memory
  public let format: ItemFormat
}

/// What the answer to an identifier holds.
enum Layout: Hashable, Sendable {
  /// These items, one after the other.
  case items([CatalogueItem])
  /// The total and then one item a rate, as many as the meter counts.
  case perRate(Measurand, ItemFormat, Memory)
  /// The register now and then at the settlements 1, 2 ... 12 back.
  case perSettlement(Quantity, ItemFormat)

  static func one(_ quantity: Quantity?, _ format: ItemFormat, _ memory: Memory = .current) -> Layout? {
    quantity.map { .items([CatalogueItem(quantity: $0, memory: memory, format: format)]) }
  }

  /// The items where a block that can vary has `count` of them.
  func items(count: Int) -> [CatalogueItem] {
    switch self {
    case .items(let items): items
    case .perRate(let measurand, let format, let memory):
      (0..<min(max(count, 0), 64)).compactMap { rate in
        Quantity(measurand, rate == 0 ? .total : .rate(UInt8(rate)))
          .map { CatalogueItem(quantity: $0, memory: memory, format: format) }
      }
    case .perSettlement(let quantity, let format):
      (0..<min(max(count, 0), 13)).map {
        CatalogueItem(quantity: quantity, memory: $0 == 0 ? .current : .settlement($0), format: format)
      }
    }
  }

  /// Bytes of the answer after the identifier, without a closing AAH; `nil` where it depends on how many rates the
  /// meter counts and `rates` does not tell.
  func length(rates: Int?) -> Int? {
    switch self {
    case .items(let items): items.reduce(0) { $0 + $1.format.size }
    case .perRate(_, let format, _): rates.map { Self.items(ofRates: $0) * format.size }
    case .perSettlement: nil
    }
  }

  /// The total and so many rates, held to 0...63.
  static func items(ofRates rates: Int) -> Int { min(max(rates, 0), 63) + 1 }
}

extension Layout {
  /// The items that lie in `count` bytes, one of which may close the block; a closing byte is not counted.
  ///
  /// Some meters end a block with AAH, some with DDH. Source: wuhuangrui/C82_DL689 and icprog/dlt698.45.
  func split(_ data: Span<UInt8>, rates: Int?) throws(DataError) -> [CatalogueItem] {
    let closed = data.count > 0 && [0xAA, 0xDD].contains(data[data.count - 1])
    if let expected = length(rates: rates) {
      guard data.count == expected || (closed && data.count == expected + 1) else {
        throw .length(expected: expected, received: data.count)
      }
      return items(count: Self.items(ofRates: rates ?? 0))
    }
    let (size, limit) = blockLimits
    guard size > 0 else { return [] }
    let count = data.count / size
    let rest = data.count % size
    guard (1...limit).contains(count), rest == 0 || (rest == 1 && closed) else {
      throw .blockLength(itemSize: size, received: data.count)
    }
    return items(count: count)
  }

  private var blockLimits: (size: Int, limit: Int) {
    switch self {
    case .items: (0, 0)
    case .perRate(_, let format, _): (format.size, 64)
    case .perSettlement(_, let format): (format.size, 13)
    }
  }

  /// Reads every item; a bad one does not spoil its neighbours.
  func read(_ data: Span<UInt8>, rates: Int?) throws(DataError) -> Decoded {
    var decoded = Decoded()
    var position = 0
    for item in try split(data, rates: rates) {
      let bytes = data.extracting(position..<(position + item.format.size))
      position += item.format.size
      do throws(ItemFault) {
        let content = try item.format.read(bytes)
        decoded.observations.append(
          Observation(
            quantity: item.quantity, value: content.value, occurred: content.occurred, memory: item.memory))
      } catch {
        let raw = bytes.indices.map { bytes[$0] }
        switch error {
        case .digit: decoded.rejected.append(.notDecimal(item.quantity, bytes: raw))
        case .date: decoded.rejected.append(.noDate(item.quantity, bytes: raw))
        case .character: decoded.rejected.append(.noText(item.quantity, bytes: raw))
        }
      }
    }
    return decoded
  }

  /// The bytes of the items, taken from `observations`; what these do not hold is filled with FFH.
  func write(_ observations: [Observation], rates: Int?) throws(PayloadError) -> [UInt8] {
    var bytes: [UInt8] = []
    for item in items(count: count(in: observations, rates: rates)) {
      let told = observations.first { $0.quantity == item.quantity && $0.memory == item.memory }
      do throws(ItemMisfit) {
        bytes += try item.format.write(told?.value ?? .absent, occurred: told?.occurred)
      } catch {
        switch error {
        case .kind: throw .kind(item.quantity)
        case .range: throw .range(item.quantity)
        }
      }
    }
    return bytes
  }

  /// How many items a block needs to hold all that `observations` tell.
  private func count(in observations: [Observation], rates: Int?) -> Int {
    switch self {
    case .items(let items): items.count
    case .perRate(let measurand, _, let memory):
      Self.items(ofRates: rates ?? highestRate(of: measurand, memory, in: observations))
    case .perSettlement(let quantity, _):
      1
        + observations.reduce(0) { most, observation in
          guard observation.quantity == quantity, case .settlement(let back) = observation.memory else { return most }
          return max(most, min(back, Catalogue.settlements))
        }
    }
  }

  private func highestRate(of measurand: Measurand, _ memory: Memory, in observations: [Observation]) -> Int {
    observations.reduce(0) { most, observation in
      guard observation.quantity.measurand == measurand, observation.memory == memory,
        case .rate(let rate) = observation.quantity.part
      else { return most }
      return max(most, Int(rate))
    }
  }
}
