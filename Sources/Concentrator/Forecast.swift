internal import Acquisition
internal import Line
internal import Metering

/// What the lines of a station will have to do: the time of each round and the load.
public struct Forecast: Sendable {
  struct Round: Sendable {
    let task: String
    let meters: Int
    let questions: Int
    let time: BootInstant.Span
    /// Seconds between two rounds.
    let interval: Int64
    /// Seconds of them in which the task may be at work.
    let available: Int64

    var isFeasible: Bool { time.nanoseconds <= available * 1_000_000_000 }
  }

  struct LineForecast: Sendable {
    let name: String
    let port: String
    let settings: String
    let meters: Int
    let rounds: [Round]
    /// Memories that a task names and that a meter does not keep by its profile.
    let lacking: [(meter: MeterID, item: String)]

    /// Share of the line's time, in thousandths.
    var load: Int64 {
      rounds.reduce(0) { $0 + $1.time.nanoseconds / max(1, $1.interval) / 1_000_000 }
    }
  }

  let file: String
  let accounts: Int
  let tariffs: Int
  let lines: [LineForecast]
}

extension Station {
  /// The time of each round by the settings of the lines and the usual delay of meters, and what cannot be kept.
  public func forecast() -> Forecast {
    let lacking = lacking
    let lines = configuration.lines.enumerated().map { index, line in
      let rounds = tasks.map { entry in
        var questions = 0
        var asked = 0
        var time = BootInstant.Span.zero
        for meter in meters[index] where entry.meters.map({ $0.contains(meter.id) }) ?? true {
          let queries = meter.queries(for: entry.task.targets)
          if !queries.isEmpty { asked += 1 }
          questions += queries.count
          time = queries.reduce(time) { $0 + meter.wireTime(of: $1) }
        }
        let interval: Int64
        switch entry.task.schedule {
        case .every(let seconds): interval = seconds
        case .daily: interval = 86_400
        // Four weeks are the shortest month.
        case .monthly(let days, _): interval = 86_400 * 28 / Int64(max(1, days.count))
        }
        // Windows may overlap; together they are no more than a day.
        let open = entry.task.windows.reduce(Int64(0)) { $0 + Int64($1.seconds) }
        let available = entry.task.windows.isEmpty ? interval : min(interval, open)
        return Forecast.Round(
          task: entry.task.name, meters: asked, questions: questions, time: time, interval: interval,
          available: available)
      }
      return Forecast.LineForecast(
        name: line.name, port: "\(line.port)", settings: "\(line.settings)", meters: line.meters.count,
        rounds: rounds.filter { $0.questions > 0 }, lacking: lacking[index])
    }
    return Forecast(
      file: configuration.file, accounts: configuration.accounts.count, tariffs: plans.count, lines: lines)
  }
}

extension Forecast {
  public var json: JSON {
    .object([
      "configuration": .string(file), "accounts": .integer(Int64(accounts)), "tariffs": .integer(Int64(tariffs)),
      "lines": .array(
        lines.map { line in
          .object([
            "line": .string(line.name), "port": .string(line.port), "serial": .string(line.settings),
            "meters": .integer(Int64(line.meters)), "load": .string(decimalString(line.load * 1000, decimals: 3)),
            "rounds": .array(
              line.rounds.map { round in
                .object([
                  "task": .string(round.task), "meters": .integer(Int64(round.meters)),
                  "exchanges": .integer(Int64(round.questions)), "seconds": .string(seconds(round.time)),
                  "interval": .integer(round.interval),
                  "feasible": .boolean(round.isFeasible),
                ])
              }),
            "not_kept": .array(
              line.lacking.map { .object(["meter": .string($0.meter.text), "item": .string($0.item)]) }),
          ])
        }),
    ])
  }

  /// A table for people, with a remark for every round that cannot be kept.
  public var text: [String] {
    var out = [
      "\(file): good. \(counted(lines.count, "line")), \(counted(accounts, "account")), \(counted(tariffs, "tariff"))."
    ]
    for line in lines {
      out.append(
        "\(line.name)  \(line.port)  \(line.settings)  \(counted(line.meters, "meter"))  load \(line.load / 10) %")
      for round in line.rounds {
        out.append(
          "  \(round.task): \(counted(round.meters, "meter")), \(counted(round.questions, "exchange")), \(seconds(round.time)) s every \(round.interval) s"
        )
        if !round.isFeasible, round.available < round.interval {
          out.append(
            "    cannot be kept: its windows are \(round.available) s long; widen them, read less, or split the line")
        } else if !round.isFeasible {
          out.append(
            "    cannot be kept: make the interval at least \(round.time.nanoseconds / 1_000_000_000 + 1) s, read less, or split the line"
          )
        }
      }
      for missing in line.lacking {
        out.append("  \(missing.meter) keeps no \(missing.item): by its profile there is none to read")
      }
      if line.load > 900 { out.append("  the tasks together leave no room for retries: spread them") }
    }
    return out
  }

  private func seconds(_ span: BootInstant.Span) -> String {
    decimalString(span.nanoseconds / 1000, decimals: 2)
  }
}

/// `1 line`, `3 lines`.
public func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
