import Concentrator
import Documents
import FuzzSupport
import TOML

/// Any text, taken for a configuration: it is refused with a line of its own, or it names at least one line.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      guard let text = text(input) else { return }
      do throws(DocumentError) {
        let configuration = try Configuration(try Document(toml: text, file: "meterd.toml"))
        hold(!configuration.lines.isEmpty, "no line")
        for line in configuration.lines {
          holdLine(line.fileLine, of: text, line.name)
          for meter in line.meters { holdLine(meter.fileLine, of: text, "\(meter.id)") }
        }
      } catch {
        hold(error.file == "meterd.toml" && !error.description.isEmpty, "\(error)")
        holdLine(error.line, of: text, "\(error)")
      }
    }
  }
}
