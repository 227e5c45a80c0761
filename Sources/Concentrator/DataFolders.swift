public import Devices
public import Documents
internal import Glibc
public import Rating
internal import TOML

/// Where device profiles and tariffs are found.
public struct DataFolders: Sendable {
  public let devices: String
  /// As the configuration names it; else it is looked for once a tariff is wanted: a probe needs none.
  private let configuredTariffs: String?

  /// The folders that the configuration names, or those that came with the program.
  ///
  /// In this order: as configured; `METERD_DATA`; beside the binary as installed; above the folder that the binary was
  /// built in; /usr/share; the current folder.
  public init(devices: String? = nil, tariffs: String? = nil) throws(Complaint) {
    self.devices = try Self.find("devices", configured: devices, else: Self.inConfiguration("devices"))
    configuredTariffs =
      tariffs == nil ? nil : try Self.find("tariffs", configured: tariffs, else: Self.inConfiguration("tariffs"))
  }

  /// The folder of profiles that `option` of a command line names, or the one that came with the program.
  ///
  /// Throws where there is none, or where the one that was named holds no profile.
  public init(devices: String?, byOption option: String) throws(Complaint) {
    configuredTariffs = nil
    guard let devices else {
      self.devices = try Self.find("devices", configured: nil, else: "name it with \(option) FOLDER.")
      return
    }
    guard TextFile.isFolder(devices) else {
      throw Complaint(
        .configuration, "there is no folder \(devices)",
        "\(option) names it as the folder of device profiles; the path counts from the folder you are in.")
    }
    self.devices = devices
    guard !profileNames.isEmpty else {
      throw Complaint(
        .configuration, "no device profile is in \(devices)",
        "\(option) takes the folder with files such as eastron-sdm630.toml in it.")
    }
  }

  private static func inConfiguration(_ name: String) -> String { "in the configuration \(name) = \"FOLDER\"" }

  private static func find(
    _ name: String, configured: String?, else next: String
  ) throws(Complaint) -> String {
    if let configured {
      guard TextFile.isFolder(configured) else {
        throw Complaint(
          .configuration, "there is no folder \(configured)", "The configuration names it as the folder of \(name).")
      }
      return configured
    }
    var candidates: [String] = []
    if let data = unsafe getenv("METERD_DATA") { unsafe candidates.append(String(cString: data) + "/\(name)") }
    if let binary = binaryFolder() { candidates += besideProgram(in: binary).map { "\($0)/\(name)" } }
    candidates += ["/usr/share/meterd/\(name)", name]
    guard let folder = candidates.first(where: TextFile.isFolder) else {
      throw Complaint(
        .configuration, "the folder of \(name) is not found",
        "Looked in \(candidates.joined(separator: ", ")). Say where it is: METERD_DATA=FOLDER in the environment holds the folders devices and tariffs, or \(next)"
      )
    }
    return folder
  }

  /// Where the data lies for a program in `folder`, installed or just built.
  static func besideProgram(in folder: String) -> [String] {
    var places = [folder.lastIndex(of: "/").map { "\(folder[..<$0])/share/meterd" } ?? "share/meterd"]
    if let build = folder.ranges(of: "/.build/").last { places.append(String(folder[..<build.lowerBound])) }
    return places
  }

  private static func binaryFolder() -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) }
  }

  /// Reads a TOML file whose syntax must be right.
  public static func document(_ path: String, what: String) throws(Complaint) -> Document {
    let text = try TextFile.read(path, what: what)
    do throws(DocumentError) {
      return try Document(toml: text, file: path)
    } catch {
      throw Complaint(error)
    }
  }

  /// Names of all profiles.
  public var profileNames: [String] { Self.names(in: devices) }

  private static func names(in folder: String) -> [String] {
    TextFile.names(in: folder, ending: ".toml").map { String($0.dropLast(".toml".count)) }.sorted()
  }

  /// The profile of a name.
  public func profile(_ name: String) throws(Complaint) -> DeviceProfile {
    let document = try Self.document(try path(of: name, in: devices, what: "profile"), what: "profile")
    do throws(DocumentError) {
      return try DeviceProfile(document)
    } catch {
      throw Complaint(error)
    }
  }

  /// The tariff of a name.
  public func plan(_ name: String) throws(Complaint) -> Plan {
    let tariffs = try Self.find("tariffs", configured: configuredTariffs, else: Self.inConfiguration("tariffs"))
    return try Self.plan(atPath: try path(of: name, in: tariffs, what: "tariff"))
  }

  /// The list of special days of a name, in the folder calendars of the tariffs.
  public func calendar(_ name: String) throws(Complaint) -> DayCalendar {
    let tariffs = try Self.find("tariffs", configured: configuredTariffs, else: Self.inConfiguration("tariffs"))
    let path = try path(of: name, in: "\(tariffs)/calendars", what: "list of special days")
    let document = try Self.document(path, what: "list of special days")
    do throws(DocumentError) {
      return try DayCalendar(document)
    } catch {
      throw Complaint(error)
    }
  }

  /// The tariff in a file.
  public static func plan(atPath path: String) throws(Complaint) -> Plan {
    let document = try document(path, what: "tariff")
    do throws(DocumentError) {
      return try Plan(document)
    } catch {
      throw Complaint(error)
    }
  }

  private func path(of name: String, in folder: String, what: String) throws(Complaint) -> String {
    let known = Self.names(in: folder)
    guard known.contains(name) else {
      let near = known.filter { $0.contains(name) || name.contains($0.prefix(6)) }
      let hint = (near.isEmpty ? known : near).joined(separator: ", ")
      throw Complaint(
        .configuration, "there is no \(what) \"\(name)\" in \(folder)",
        known.isEmpty ? "The folder is empty." : "There are: \(hint).")
    }
    return "\(folder)/\(name).toml"
  }
}
