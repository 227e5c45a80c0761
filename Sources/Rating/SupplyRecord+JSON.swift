extension SupplyRecord {
  init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var record = SupplyRecord()
    var seen = SeenKeys()
    try reader.object("supply") { reader, key throws(UsageRecordError) in
      let path = "supply.\(key)"
      switch key {
      case "basic_charge": record.basicCharge = try seen.first(0, path).readOrNull(&reader)
      case "running": record.running = try seen.first(1, path).readOrNull(&reader)
      case "suspended": record.suspended = try seen.first(13, path).readOrNull(&reader)
      case "contracted": record.contracted = try seen.first(2, path).readOrNull(&reader)
      case "feeds":
        try seen.mark(3, path)
        if try reader.isNull() { return }
        var feeds: [Feed] = []
        try reader.list(path) { reader throws(UsageRecordError) in feeds.append(try Feed(&reader)) }
        record.feeds = feeds
      case "month_energy": record.monthEnergy = try seen.first(4, path).readOrNull(&reader)
      case "part":
        try seen.mark(5, path)
        if try !reader.isNull() { record.part = try Part(&reader) }
      case "reactive":
        try seen.mark(6, path)
        if try !reader.isNull() { record.reactive = try Reactive(&reader) }
      case "power_factor_standard": record.powerFactorStandard = try seen.first(7, path).readOrNull(&reader)
      case "self_use": record.selfUse = try seen.first(8, path).readOrNull(&reader)
      case "exported": record.exported = try seen.first(9, path).readOrNull(&reader)
      case "transformer":
        try seen.mark(10, path)
        if try !reader.isNull() { record.transformer = try TransformerRecord(&reader) }
      case "line_loss":
        try seen.mark(11, path)
        if try !reader.isNull() { record.lineLoss = try reader.integer(path) }
      case "window_months":
        try seen.mark(14, path)
        if try !reader.isNull() { record.windowMonths = try reader.integer(path) }
      case "arrears":
        try seen.mark(12, path)
        if try reader.isNull() { return }
        var debts: [Debt] = []
        try reader.list(path) { reader throws(UsageRecordError) in debts.append(try Debt(&reader)) }
        record.arrears = debts
      default: throw .unknown(key: path)
      }
    }
    self = record
  }
}

extension SupplyRecord.Feed {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (measured, contract, capacity): (String?, String?, String?)
    var seen = SeenKeys()
    try reader.object("supply.feeds") { reader, key throws(UsageRecordError) in
      let path = "supply.feeds.\(key)"
      switch key {
      case "measured": measured = try seen.first(0, path).read(&reader)
      case "contract": contract = try seen.first(1, path).readOrNull(&reader)
      case "capacity": capacity = try seen.first(2, path).readOrNull(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(measured: try required(measured, "supply.feeds.measured"), contract: contract, capacity: capacity)
  }
}

extension SupplyRecord.Part {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var days: Int?
    var month: String?
    var seen = SeenKeys()
    try reader.object("supply.part") { reader, key throws(UsageRecordError) in
      let path = "supply.part.\(key)"
      switch key {
      case "days":
        try seen.mark(0, path)
        days = try reader.integer(path)
      case "month": month = try seen.first(1, path).read(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(days: try required(days, "supply.part.days"), month: try required(month, "supply.part.month"))
  }
}

extension SupplyRecord.Reactive {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (forward, reverse): (String?, String?)
    var seen = SeenKeys()
    try reader.object("supply.reactive") { reader, key throws(UsageRecordError) in
      let path = "supply.reactive.\(key)"
      switch key {
      case "forward": forward = try seen.first(0, path).read(&reader)
      case "reverse": reverse = try seen.first(1, path).readOrNull(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(forward: try required(forward, "supply.reactive.forward"), reverse: reverse)
  }
}

extension SupplyRecord.TransformerRecord {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (model, capacity): (String?, String?)
    var hours: Int?
    var seen = SeenKeys()
    try reader.object("supply.transformer") { reader, key throws(UsageRecordError) in
      let path = "supply.transformer.\(key)"
      switch key {
      case "model": model = try seen.first(0, path).read(&reader)
      case "capacity": capacity = try seen.first(1, path).read(&reader)
      case "hours":
        try seen.mark(2, path)
        if try !reader.isNull() { hours = try reader.integer(path) }
      default: throw .unknown(key: path)
      }
    }
    self.init(
      model: try required(model, "supply.transformer.model"),
      capacity: try required(capacity, "supply.transformer.capacity"), hours: hours)
  }
}

extension SupplyRecord.Debt {
  fileprivate init(_ reader: inout JSONReader) throws(UsageRecordError) {
    var (bill, amount, due, paid): (String?, String?, String?, String?)
    var seen = SeenKeys()
    try reader.object("supply.arrears") { reader, key throws(UsageRecordError) in
      let path = "supply.arrears.\(key)"
      switch key {
      case "bill": bill = try seen.first(0, path).read(&reader)
      case "amount": amount = try seen.first(1, path).read(&reader)
      case "due": due = try seen.first(2, path).read(&reader)
      case "paid": paid = try seen.first(3, path).read(&reader)
      default: throw .unknown(key: path)
      }
    }
    self.init(
      bill: try required(bill, "supply.arrears.bill"), amount: try required(amount, "supply.arrears.amount"),
      due: try required(due, "supply.arrears.due"), paid: try required(paid, "supply.arrears.paid"))
  }
}
