internal import CModbus
internal import Glibc
public import Modbus

/// libmodbus, which builds requests and checks replies, and never touches a line.
///
/// It talks to one end of a socket pair; at the other end this wrapper takes what it sends and hands it what came
/// from the line. The caller carries the bytes. It serves functions 3 and 4, which are all that a daemon asks; other
/// requests are built and read by the room Modbus itself. A context belongs to one thread at a time, so it lives within the
/// actor of a line.
///
/// libmodbus writes to its end without asking for silence on a broken pipe. Both ends are open as long as the
/// context is, and the daemon ignores SIGPIPE besides.
@safe public struct ModbusContext: ~Copyable {
  public enum Framing: Hashable, Sendable {
    case rtu, tcp
  }

  /// Descriptors from here on make `select` abort the process.
  public static let descriptorLimit: CInt = 1024

  public let framing: Framing
  private let context: OpaquePointer
  private let pair: SocketPair
  private var pending: ReadRequest?
  private var transaction: UInt16 = 0

  /// A context for one line.
  ///
  /// - Throws: `socketPair`, `descriptorTooHigh` or `outOfMemory`.
  public init(_ framing: Framing) throws(ModbusClientError) {
    let pair = try SocketPair()
    // The names and settings of port and host are never used: nothing is opened.
    let created =
      switch framing {
      case .rtu: unsafe modbus_new_rtu("line", 9600, CChar(UInt8(ascii: "E")), 8, 1)
      case .tcp: unsafe modbus_new_tcp("127.0.0.1", 502)
      }
    guard let created = unsafe created else { throw .outOfMemory }
    unsafe context = created
    self.framing = framing
    _ = unsafe modbus_set_socket(created, pair.library)
    self.pair = pair
    _ = unsafe modbus_set_debug(created, 0)
    _ = unsafe modbus_set_error_recovery(created, MODBUS_ERROR_RECOVERY_NONE)
    // A reply is handed over whole before it is asked for, so any wait is for bytes that will not come.
    _ = unsafe modbus_set_response_timeout(created, 0, 1000)
    _ = unsafe modbus_set_byte_timeout(created, 0, 1000)
  }

  // modbus_close() would close a descriptor that the socket pair closes itself.
  deinit { unsafe modbus_free(context) }

  /// The whole frame that asks `request`, as libmodbus builds it. A request that was pending is forgotten.
  ///
  /// Over TCP each request gets the next transaction number, from 1.
  ///
  /// - Throws: `unit`, or what libmodbus said.
  public mutating func request(_ request: ReadRequest) throws(ModbusClientError) -> [UInt8] {
    pending = nil
    pair.flush()
    guard accepts(request.unit), unsafe modbus_set_slave(context, CInt(request.unit)) == 0 else {
      throw .unit(request.unit)
    }
    let raw = [request.unit] + request.inner
    guard unsafe modbus_send_raw_request(context, raw, CInt(raw.count)) >= 0 else { throw Self.failure() }
    var frame = pair.takeSent()
    switch framing {
    case .rtu:
      guard frame == request.rtu else { throw .request(frame) }
    case .tcp:
      transaction &+= 1
      // Raw requests all carry number 0, which would let a late reply pass for this one.
      guard frame.count >= 2 else { throw .request(frame) }
      frame[0] = UInt8(truncatingIfNeeded: transaction >> 8)
      frame[1] = UInt8(truncatingIfNeeded: transaction)
      guard frame == request.tcp(transaction: transaction) else { throw .request(frame) }
    }
    pending = request
    return frame
  }

  /// The registers that `reply`, one whole frame, brings to the pending request.
  ///
  /// libmodbus takes the frame in and checks its length and checksum. It does not look whether the frame answers
  /// the question, so unit, function, byte count and transaction are checked here. The request is done with
  /// afterwards, whatever came of it.
  ///
  /// - Throws: `exception` where the meter refused; otherwise what is wrong with the reply.
  public mutating func confirm(_ reply: [UInt8]) throws(ModbusClientError) -> [UInt16] {
    guard let request = pending else { throw .nothingPending }
    pending = nil
    pair.flush()
    // The library reads at most its own largest frame; what is longer cannot be a reply.
    guard reply.count <= Int(MODBUS_MAX_ADU_LENGTH) else { throw .answer(.tooLong(count: reply.count)) }
    guard pair.hand(reply) else { throw .library(LibraryError(rawValue: EIO)) }
    var taken = [UInt8](repeating: 0, count: Int(MODBUS_MAX_ADU_LENGTH))
    let count = unsafe modbus_receive_confirmation(context, &taken)
    guard count >= 0 else { throw Self.failure() }
    let surplus = pair.flush()
    // 0 is what libmodbus says of a frame for another unit, which it does not check any further.
    let frame = count == 0 ? reply : Array(taken.prefix(Int(count)))
    let answer = try checked(frame, to: request)
    guard surplus == 0 else { throw .surplus(count: surplus) }
    switch answer {
    case .registers(let registers): return registers
    case .exception(let code): throw .exception(code)
    }
  }

  private func checked(_ frame: [UInt8], to request: ReadRequest) throws(ModbusClientError) -> ReadReply {
    do throws(FrameError) {
      switch framing {
      case .rtu: return try ReadReply(Message(rtu: frame.span), to: request)
      case .tcp:
        let framed = try TCPMessage(tcp: frame.span)
        if framed.transaction == transaction { return try ReadReply(framed.message, to: request) }
      }
    } catch {
      throw .answer(error)
    }
    throw .transaction(UInt16(frame[0]) << 8 | UInt16(frame[1]), expected: transaction)
  }

  private func accepts(_ unit: UInt8) -> Bool {
    switch framing {
    case .rtu: (1...247).contains(unit)
    case .tcp: unit <= 247 || unit == 255
    }
  }

  /// What errno says of the call before.
  private static func failure() -> ModbusClientError {
    let error = LibraryError(rawValue: errno)
    return error.exception.map(ModbusClientError.exception) ?? .library(error)
  }
}

extension ReadRequest {
  /// Function, register and count: what follows the unit in every framing.
  fileprivate var inner: [UInt8] { [message.function.rawValue] + message.payload }
}
