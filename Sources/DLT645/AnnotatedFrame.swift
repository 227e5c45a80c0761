public import Metering

/// A frame, or what was meant to be one, found in bytes offline, with all that can be said about it.
public struct AnnotatedFrame: Hashable, Sendable {
  /// Of the first `68H`.
  public let offset: Int
  public let length: Int
  /// False for a damaged candidate; then everything but `error` is what its bytes seem to say.
  public var isValid: Bool {
    switch error {
    case .frame, .secret: false
    case .data, .tooShort, nil: true
    }
  }
  public let edition: Edition
  /// `nil` where a damaged candidate ends before it.
  public internal(set) var direction: Direction?
  public internal(set) var control: ControlCode?
  public internal(set) var address: Address?
  /// Stable name such as `read`; `nil` where the edition has no such function.
  public internal(set) var function: String?
  /// Eight hex digits, or four of the 1997 edition; `nil` where the frame carries none.
  public internal(set) var identifier: String?
  /// What the data tells; empty for requests, parts of a longer answer and identifiers not in the catalogue.
  public internal(set) var items: [DecodedItem] = []
  /// Those of `items` that readings are made of.
  public var observations: [Observation] { items.compactMap(\.observation) }
  /// What else the data says, in its order: level and operator of a command, times, addresses, counts, values that are
  /// written. The digits of passwords are dots.
  public internal(set) var fields: [FrameField] = []
  /// Where in the bytes passwords lie, and the check byte over them, which would tell a part.
  public internal(set) var hidden: [Range<Int>] = []
  /// Set in a refusal.
  public internal(set) var exception: ErrorWord?
  public internal(set) var error: Fault?

  /// What is wrong with the frame or with its data.
  public enum Fault: Hashable, Sendable {
    case frame(FrameError)
    /// The same, where bytes that are told would be of a password or of the sum over it.
    case secret(code: String)
    /// The frame is sound and items of its data are not; never empty.
    case data([DataError])
    /// A refusal without a reason, or data too short for its function.
    case tooShort(dataCount: Int, Direction)

    /// Stable name, as printed in JSON.
    public var code: String {
      switch self {
      case .frame(let error): error.code
      case .secret(let code): code
      case .data(let errors): errors.first?.code ?? "data"
      case .tooShort: "length"
      }
    }

    public var detail: String {
      switch self {
      case .frame(let error): error.description
      case .secret(let code): "the \(code) is wrong; its bytes would tell of a password"
      case .data(let errors): errors.map(\.description).joined(separator: "; ")
      case .tooShort(let count, let direction): "\(count) data bytes are too few for this \(direction.rawValue)"
      }
    }
  }

  /// Two hex digits and the reasons in words, for JSON; `nil` where the frame is no refusal.
  public var exceptionText: (code: String, name: String)? {
    exception.map { word in
      let names = word.names(in: edition)
      return (word.hex, names.isEmpty ? word.description : names.joined(separator: ", "))
    }
  }
}

extension AnnotatedFrame {
  /// Says what a sound frame says.
  init(_ frame: Frame, in bytes: Span<UInt8>) {
    let edition = Edition(of: frame, in: bytes)
    self.init(offset: frame.offset, length: frame.length, edition: edition)
    direction = frame.control.direction
    control = frame.control
    address = frame.address
    function = Function.find(frame.control.function, in: edition)?.name
    if frame.control.isReply, frame.control.isAbnormal {
      readRefusal(frame, in: bytes)
    } else {
      readData(frame, in: bytes)
    }
    let reader = FieldReader(edition: edition, control: frame.control, data: frame.data(in: bytes))
    fields = reader.fields
    if reader.isShort, error == nil { error = .tooShort(dataCount: frame.dataCount, frame.control.direction) }
  }

  /// Says what is known of a candidate that is no frame.
  init(damaged error: FrameError, at offset: Int, length: Int, in bytes: Span<UInt8>) {
    var edition = Edition.dlt645v2007
    var control: ControlCode?
    if length > 8, offset + 8 < bytes.count {
      let code = ControlCode(rawValue: bytes[offset + 8])
      control = code
      edition = Edition(ofFunction: code.function)
    }
    self.init(offset: offset, length: length, edition: edition)
    self.control = control
    direction = control?.direction
    function = control.flatMap { Function.find($0.function, in: edition)?.name }
    if length > 6, offset + 6 < bytes.count { address = Address(wire: (1...6).map { bytes[offset + $0] }) }
    self.error = .frame(error)
  }

  private init(offset: Int, length: Int, edition: Edition) {
    self.offset = offset
    self.length = length
    self.edition = edition
  }

  /// Takes what lies in the frame of `secrets`, a mark for every byte that was read.
  mutating func hide(_ secrets: [Bool]) {
    let places = (offset..<offset + max(1, length)).clamped(to: secrets.indices)
    hidden = places.filter { secrets[$0] }.map { $0..<$0 + 1 }
    guard !hidden.isEmpty, case .frame(let fault) = error else { return }
    switch fault {
    case .checksum: error = .secret(code: fault.code)
    case .delimiter(_, let place) where place > 7: error = .secret(code: fault.code)
    case .delimiter, .length, .truncated: break
    }
  }

  private mutating func readRefusal(_ frame: Frame, in bytes: Span<UInt8>) {
    guard frame.dataCount > 0 else {
      error = .tooShort(dataCount: 0, .reply)
      return
    }
    exception = ErrorWord(rawValue: frame.data(0, in: bytes))
  }

  private mutating func readData(_ frame: Frame, in bytes: Span<UInt8>) {
    let isReply = frame.control.isReply
    switch (edition, frame.control.function) {
    case (.dlt645v2007, ReadFunction.data), (.dlt645v2007, ReadFunction.following):
      guard let found = frame.identifier(in: bytes) else {
        error = .tooShort(dataCount: frame.dataCount, frame.control.direction)
        return
      }
      identifier = found.description
      let isWhole = frame.control.function == ReadFunction.data && !frame.control.hasMore
      guard isReply, isWhole, found.isCatalogued, !found.isPassword else { return }
      take { () throws(DataError) in try found.decode(frame.data(from: 4, in: bytes)) }
    case (.dlt645v1997, ReadFunction.data1997), (.dlt645v1997, ReadFunction.following1997):
      guard let found = frame.shortIdentifier(in: bytes) else {
        error = .tooShort(dataCount: frame.dataCount, frame.control.direction)
        return
      }
      identifier = found.description
      let isWhole = frame.control.function == ReadFunction.data1997 && !frame.control.hasMore
      guard isReply, isWhole, found.isCatalogued, !found.isPassword else { return }
      take { () throws(DataError) in try found.decode(frame.data(from: 2, in: bytes)) }
    case (.dlt645v2007, ReadFunction.address):
      guard isReply else { return }
      guard frame.dataCount == 6, let quantity = Quantity(.meterAddress, .single) else {
        error = .tooShort(dataCount: frame.dataCount, frame.control.direction)
        return
      }
      let content = Result { () throws(ItemFault) in
        try ItemFormat.digits(bytes: 6).read(frame.data(in: bytes).span)
      }
      switch content {
      case .success(let content): items = [DecodedItem(DataField(quantity, .digits(bytes: 6)), content)]
      case .failure: error = .data([.notDecimal(quantity, bytes: frame.data(in: bytes))])
      }
    case (.dlt645v2007, 0x14), (.dlt645v2007, 0x03), (.dlt645v2007, 0x18):
      identifier = isReply && frame.control.function != 0x03 ? nil : frame.identifier(in: bytes)?.description
    case (.dlt645v1997, 0x04):
      identifier = isReply ? nil : frame.shortIdentifier(in: bytes)?.description
    case (.dlt645v1997, ReadFunction.again1997):
      // A request may name nothing.
      guard let found = frame.shortIdentifier(in: bytes) else { return }
      identifier = found.description
      guard isReply, !frame.control.hasMore, found.isCatalogued, !found.isPassword else { return }
      take { () throws(DataError) in try found.decode(frame.data(from: 2, in: bytes)) }
    case (.dlt645v2007, _), (.dlt645v1997, _): break
    }
  }

  private mutating func take(_ decode: () throws(DataError) -> Decoded) {
    do throws(DataError) {
      let decoded = try decode()
      items = decoded.items
      if !decoded.rejected.isEmpty { error = .data(decoded.rejected) }
    } catch {
      self.error = .data([error])
    }
  }
}

extension Edition {
  /// The edition that a frame belongs to, by its control code and, for 03H, by its data.
  ///
  /// 03H is the security function of 2007, whose identifiers begin with 07H, and the re-read of 1997. 08H is the
  /// same in both.
  init(of frame: Frame, in bytes: Span<UInt8>) {
    if frame.control.function == 0x03, !frame.control.isAbnormal {
      // The third byte of a 1997 register may be 07H too, but no identifier of 2007 ends like one of 1997.
      let isOld = frame.shortIdentifier(in: bytes)?.isCatalogued == true
      self = !isOld && frame.identifier(in: bytes)?.di3 == 0x07 ? .dlt645v2007 : .dlt645v1997
    } else {
      self.init(ofFunction: frame.control.function)
    }
  }

  /// 1997 only for the functions that 2007 has not.
  init(ofFunction code: UInt8) {
    let isOld = Function.find(code, in: .dlt645v2007) == nil && Function.find(code, in: .dlt645v1997) != nil
    self = isOld ? .dlt645v1997 : .dlt645v2007
  }
}

extension AnnotatedFrame {
  /// What the catalogue calls the identifier; `nil` where the frame has none or the catalogue does not know it.
  public var titles: (english: String, chinese: String)? {
    guard let identifier else { return nil }
    switch edition {
    case .dlt645v2007: return DataIdentifier(hex: identifier)?.entry.map { ($0.title, $0.chineseTitle) }
    case .dlt645v1997: return ShortIdentifier(hex: identifier)?.entry.map { ($0.title, $0.chineseTitle) }
    }
  }
}
