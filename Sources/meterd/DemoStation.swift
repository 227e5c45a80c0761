import Metering

/// The station that `meterd demo` plays: three lines, twenty meters, eight accounts.
enum DemoStation {
  /// The configuration, as a file that `meterd run` and `meterd simulate` take as well; store and ports are in
  /// `folder`. Bills begin with the month of `from`.
  static func toml(folder: String, from: CivilDate) -> String {
    var text = """
      # A simulated station. Try it again with: meterd simulate --config station.toml --link
      station = "DEMO"
      store = "\(folder)/meterd.db"
      time-zone = "+08:00"
      # The demo's machine may be a container, whose kernel does not know that its clock is set.
      trust-host-clock = true

      [review]
      # Without this each first bill waits until somebody has accepted it: meterd review list, meterd review accept. The
      # demo has nobody to ask.
      first-bills = false

      [[line]]
      name = "bus1"
      port = "\(folder)/bus1"
      serial = "2400 8E1"

      """
    for number in 1...8 {
      // The meters' own rate tables fit the tariffs of their accounts: Guangdong's valley, flat and peak hours.
      text += """
        [[line.meter]]
        id = "M-000\(number)"
        profile = "dlt645-2007-three-phase"
        address = "20231111000\(number)"
        account = "A-100\(number)"
        \(number == 3 ? "ct = \"50/5\"\n" : "")simulate = { reply-delay-ms = \(20 + 10 * number), wake-ups = \(number % 5), rate-hours = "444444443322332222233333" }

        """
    }
    text += """
      [[line]]
      name = "bus2"
      port = "\(folder)/bus2"
      serial = "9600 8N1"

      """
    for number in 1...8 {
      let fault =
        switch number {
        case 5: ", silent = true"
        case 7: ", late-ms = 4000"
        default: ""
        }
      text += """
        [[line.meter]]
        id = "E-000\(number)"
        profile = "\(number % 2 == 1 ? "eastron-sdm630" : "chint-dtsu666")"
        address = "\(number)"
        simulate = { reply-delay-ms = \(15 + 5 * number)\(fault) }

        """
    }
    text += """
      [[line]]
      name = "mixed"
      port = "\(folder)/mixed"
      serial = "9600 8E1"
      # The adapter of this line hears itself now and then.
      simulate-echo-ppm = 100000

      """
    for number in 1...4 {
      text += """
        [[line.meter]]
        id = "X-000\(number)"
        profile = "\(number <= 2 ? "dlt645-2007-single-phase" : "eastron-sdm630")"
        address = "\(number <= 2 ? "20231122000\(number)" : "\(number)")"
        simulate = { reply-delay-ms = 30, bit-flip-ppm = 20000, noise-ppm = 20000 }

        """
    }
    text += """
      [[task]]
      name = "settlement"
      at = "00:30"
      read = ["settlement:energy.import.active.total"]
      priority = 1

      [[task]]
      name = "power"
      every = "10s"
      read = ["energy.import.active.total", "voltage.l1", "power.active.total"]

      """
    for number in 1...8 {
      text += """
        [[account]]
        id = "A-100\(number)"
        name = "Flat \(number)"
        tariff = "guangdong-residential\(number % 2 == 1 ? "-tou" : "")-2012"
        from = "\(from)"

        """
    }
    return text
  }
}
