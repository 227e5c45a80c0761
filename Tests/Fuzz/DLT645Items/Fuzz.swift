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
        let fields = identifier.fields()
        hold(fields.isEmpty != identifier.isCatalogued, "\(identifier) has \(fields.count) items")
        agrees(
          identifier.description, script.all(),
          decode: { data throws(DataError) in try identifier.decode(data, rates: rates) },
          write: { told throws(PayloadError) in
            if identifier.di3 == 0x05, identifier.di1 == 0xFF { throw .unknownIdentifier("a whole freeze") }
            return try identifier.payload(items: told, rates: rates)
          })
      } else {
        let identifier = ShortIdentifier(rawValue: script.word())
        hold(ShortIdentifier(hex: identifier.description) == identifier, "\(identifier)")
        agrees(
          identifier.description, script.all(),
          decode: { data throws(DataError) in try identifier.decode(data, rates: rates) },
          write: { told throws(PayloadError) in try identifier.payload(items: told, rates: rates) })
      }
    }
  }

  private static func agrees(
    _ name: String, _ data: [UInt8], decode: ([UInt8]) throws(DataError) -> Decoded,
    write: ([DecodedItem]) throws(PayloadError) -> [UInt8]
  ) {
    let decoded: Decoded
    do throws(DataError) {
      decoded = try decode(data)
    } catch {
      hold(!error.code.isEmpty && !error.description.isEmpty, "an error without words")
      return
    }
    // A load profile without a record is the identifier alone.
    hold(
      data.isEmpty || !decoded.items.isEmpty || !decoded.rejected.isEmpty, "\(name) of \(hexString(data)) tells nothing"
    )
    // Records, whole freezes and load profiles come in several forms and are written in one; registers have one.
    guard decoded.rejected.isEmpty, decoded.items.allSatisfy({ $0.observation != nil }),
      let written = try? write(decoded.items)
    else { return }
    let again = try? decode(written)
    hold(again == decoded, "\(name): \(hexString(data)) becomes \(hexString(written))")
  }
}
