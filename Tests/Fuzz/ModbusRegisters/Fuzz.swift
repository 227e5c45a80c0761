import FuzzSupport
import Metering
import Modbus

/// A format and its registers: what is read can be written, and reads as the same value again.
@main struct Fuzz {
  private static let types: [RegisterType] = [
    .u16, .i16, .u32, .i32, .u64, .i64, .f32, .f64, .bcd16, .bcd32, .bcd64, .dateTime,
  ]
  private static let scales = [
    "1", "0.1", "0.01", "0.001", "0.000001", "-1", "10", "1000000", "0.3", "0.000000001", "7.25",
  ]

  static func main() {
    fuzz { input in
      var script = Script(input)
      let choice = Int(script.byte())
      let type: RegisterType
      switch choice % 14 {
      case 12:
        let ends = script.byte()
        type = .bits(first: min(ends >> 4, ends & 15), last: max(ends >> 4, ends & 15))
      case 13: type = .text(registers: 1 + Int(script.byte() & 31))
      case let index: type = types[index]
      }
      let order = WordOrder.named[choice / 14 % WordOrder.named.count].order
      let scaling = script.byte()
      let text =
        Int(scaling) < scales.count
        ? scales[Int(scaling)] : "\(scaling & 1 == 0 ? "" : "-")\(script.byte()).\(1000 + Int(script.word()))"
      guard let scale = Scale(text) else { return }
      let absent = scaling & 64 == 0 ? [] : [script.number()]
      let format = RegisterFormat(type, order: order, scale: scale, absent: absent)
      let registers = (0..<type.registerCount).map { _ in script.word() }
      hold(RegisterType(type.description) == type, "\(type) has another name")
      hold(WordOrder(order.description) == order, "\(order) has another name")
      hold(Scale(scale.description) == scale, "\(scale) is written otherwise")
      let value: Value
      do throws(RegisterError) {
        value = try format.decode(registers)
      } catch {
        hold(!error.description.isEmpty, "no words")
        return
      }
      // Another pattern of the same value may be the one that says there is none; none may be written at all.
      guard absent.isEmpty, value != .absent else { return }
      // Below a millionth the value is rounded, and the largest ones then need more bits than there are.
      let isFine = scale.billionths.magnitude < 1000
      let again = (try? format.encode(value)).flatMap { try? format.decode($0) }
      switch (value, again) {
      case (.number(let number), .number(let read)?):
        hold(read.millionths == number.millionths, "\(type) \(order) \(scale) \(registers): \(value), then \(read)")
      case (.number, nil): hold(isFine, "\(type) \(order) \(scale) \(registers): \(value) cannot be written")
      default:
        hold(again == value, "\(type) \(order) \(scale) \(registers): \(value), then \(String(describing: again))")
      }
    }
  }
}
