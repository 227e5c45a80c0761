import Acquisition
import DLT645
import Devices
import Documents
import FuzzSupport
import Metering
import Modbus
import TOML

/// Any text, taken for a device profile: it is refused with a line of its own, or a meter can be read by it.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      guard let text = text(input) else { return }
      do throws(DocumentError) {
        isUsable(try DeviceProfile(try Document(toml: text, file: "profile.toml")))
      } catch {
        hold(error.file == "profile.toml" && !error.description.isEmpty, "\(error)")
        holdLine(error.line, of: text, "\(error)")
      }
    }
  }

  private static func isUsable(_ profile: DeviceProfile) {
    for quantity in profile.quantities {
      hold(Quantity(name: quantity.name) == quantity, "\(quantity) has another name")
      hold((profile.capacity(of: quantity) ?? 1) > 0, "\(quantity) has no room")
    }
    let address: MeterAddress
    switch profile.language {
    case .modbus: address = .modbus(unit: 1)
    case .dlt645: address = .dlt645(.broadcast)
    }
    guard let id = MeterID("M-1") else { return hold(false, "no meter") }
    let meter = LineMeter(id: id, address: address, profile: profile, settings: profile.serial ?? .modbus)
    let queries = meter.queries(for: [.energies, .instantaneous])
    for query in queries {
      guard case .registers(let function, let start, let count) = query else { continue }
      hold(
        ReadRequest(unit: 1, function: function, register: start, count: count) != nil,
        "\(profile.name): \(query) cannot be asked")
    }
  }
}
