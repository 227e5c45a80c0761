/// One function of the protocol: the lower five bits of a control code, in one edition.
public struct Function: Hashable, Sendable {
  /// 00H...1FH.
  public let code: UInt8
  public let edition: Edition
  /// Stable name, as printed in JSON.
  public let name: String
  public let chineseName: String

  /// The function of a code; `nil` where the edition has none.
  public static func find(_ code: UInt8, in edition: Edition) -> Function? {
    switch edition {
    case .dlt645v2007: table2007.first { $0.code == code }
    case .dlt645v1997: table1997.first { $0.code == code }
    }
  }

  /// Source: DL/T 645-2007, application layer, one row per control code.
  public static let table2007: [Function] = [
    .init(0x03, "security", "安全认证"),
    .init(0x08, "broadcast-time", "广播校时"),
    .init(0x11, "read", "读数据"),
    .init(0x12, "read-following", "读后续数据"),
    .init(0x13, "read-address", "读通信地址"),
    .init(0x14, "write", "写数据"),
    .init(0x15, "write-address", "写通信地址"),
    .init(0x16, "freeze", "冻结命令"),
    .init(0x17, "change-rate", "更改通信速率"),
    .init(0x18, "change-password", "修改密码"),
    .init(0x19, "clear-demand", "最大需量清零"),
    .init(0x1A, "clear-meter", "电表清零"),
    .init(0x1B, "clear-events", "事件清零"),
    .init(0x1C, "relay", "跳合闸、报警、保电"),
    .init(0x1D, "terminal-output", "多功能端子输出控制"),
  ]

  /// Source: DL/T 645-1997 as implemented by gams/python-dlt645; 05H from one vendor's manual.
  public static let table1997: [Function] = [
    .init(0x01, "read", "读数据", .dlt645v1997),
    .init(0x02, "read-following", "读后续数据", .dlt645v1997),
    .init(0x03, "re-read", "重读数据", .dlt645v1997),
    .init(0x04, "write", "写数据", .dlt645v1997),
    .init(0x05, "broadcast-freeze", "广播冻结", .dlt645v1997),
    .init(0x08, "broadcast-time", "广播校时", .dlt645v1997),
    .init(0x0A, "write-address", "写设备地址", .dlt645v1997),
    .init(0x0C, "change-rate", "更改通信速率", .dlt645v1997),
    .init(0x0F, "change-password", "修改密码", .dlt645v1997),
    .init(0x10, "clear-demand", "最大需量清零", .dlt645v1997),
  ]

  private init(_ code: UInt8, _ name: String, _ chineseName: String, _ edition: Edition = .dlt645v2007) {
    self.code = code
    self.edition = edition
    self.name = name
    self.chineseName = chineseName
  }
}

/// The codes of the functions that read.
enum ReadFunction {
  static let data: UInt8 = 0x11
  static let following: UInt8 = 0x12
  static let address: UInt8 = 0x13
  static let data1997: UInt8 = 0x01
  static let following1997: UInt8 = 0x02
  static let again1997: UInt8 = 0x03
}
