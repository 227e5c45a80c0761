import Concentrator
import FuzzSupport

/// What a client of the control socket may send: each line is a request, or has one answer that is a line of JSON.
@main struct Fuzz {
  static func main() {
    fuzz { input in
      for line in input.split(separator: UInt8(ascii: "\n")) {
        do throws(ControlRequest.Refusal) {
          let request = try ControlRequest(Array(line))
          holdID(request.id)
        } catch {
          if error.id != .null { holdID(error.id) }
          let complaint = error.complaint
          hold(complaint.status == .usage || complaint.status == .badData, "\(complaint)")
          hold(!complaint.headline.isEmpty && !complaint.headline.contains("\n"), "\(complaint)")
          let answer = JSON.object(["id": error.id, "message": .string(complaint.headline)]).text
          hold(!answer.utf8.contains(UInt8(ascii: "\n")), answer)
        }
        do throws(JSONError) {
          let value = try JSON(reading: Array(line))
          // What is written again is read as the same.
          let again = Array(value.text.utf8)
          do throws(JSONError) {
            hold(try JSON(reading: again) == value, value.text)
          } catch {
            hold(false, "\(error): \(value.text)")
          }
        } catch {
          hold((0...line.count).contains(error.offset) && !error.detail.isEmpty, "\(error)")
        }
      }
    }
  }

  private static func holdID(_ id: JSON) {
    switch id {
    case .integer: break
    case .string(let text): hold(text.utf8.count <= 64, text)
    default: hold(false, id.text)
    }
  }
}
