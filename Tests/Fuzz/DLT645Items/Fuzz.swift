import DLT645
import FuzzSupport
import Metering

/// An identifier and the data of an answer to it: what is read can be written, and reads as the same again.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      var script = Script(input)
      let choice = script.byte()
      let rates = choice & 2 == 0 ? nil : Int(choice >> 2)
      if choice & 1 == 0 {
        let identifier = DataIdentifier(rawValue: UInt32(script.word()) << 16 | UInt32(script.word()))
        hold(DataIdentifier(hex: identifier.description) == identifier, "\(identifier)")
        let items = identifier.items()
        hold(items.isEmpty != identifier.isCatalogued, "\(identifier) has \(items.count) items")
        agrees(
          identifier.description, script.all(), identifier.payloadLength(rates: rates),
          decode: { data throws(DataError) in try identifier.decode(data, rates: rates) },
          write: { told throws(PayloadError) in try identifier.payload(told, rates: rates) })
      } else {
        let identifier = ShortIdentifier(rawValue: script.word())
        hold(ShortIdentifier(hex: identifier.description) == identifier, "\(identifier)")
        agrees(
          identifier.description, script.all(), identifier.payloadLength(rates: rates),
          decode: { data throws(DataError) in try identifier.decode(data, rates: rates) },
          write: { told throws(PayloadError) in try identifier.payload(told, rates: rates) })
      }
    }
  }

  private static func agrees(
    _ name: String, _ data: [UInt8], _ length: Int?, decode: ([UInt8]) throws(DataError) -> Decoded,
    write: ([Observation]) throws(PayloadError) -> [UInt8]
  ) {
    let decoded: Decoded
    do throws(DataError) {
      decoded = try decode(data)
    } catch {
      hold(!error.code.isEmpty && !error.description.isEmpty, "an error without words")
      return
    }
    if let length { hold(data.count == length || data.count == length + 1, "\(data.count) bytes of \(length)") }
    hold(!decoded.observations.isEmpty || !decoded.rejected.isEmpty, "\(name) of \(hexString(data)) tells nothing")
    guard decoded.rejected.isEmpty else { return }
    do throws(PayloadError) {
      let written = try write(decoded.observations)
      let again = try? decode(written)
      hold(again == decoded, "\(name): \(hexString(data)) becomes \(hexString(written))")
    } catch {
      hold(false, "\(name): \(hexString(data)) cannot be written: \(error)")
    }
  }
}
