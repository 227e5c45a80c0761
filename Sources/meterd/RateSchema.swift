/// JSON Schema (2020-12) of the records of `meterd rate`, one object a line.
enum RateSchema: String, CaseIterable {
  case usage, bill

  var text: String {
    switch self {
    case .usage: Self.usageText
    case .bill: Self.billText
    }
  }

  private static let usageText = #"""
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": "urn:meterd:rate:usage:1",
      "title": "What one account used in one billing period",
      "description": "Measured numbers are decimals in quotes. Keys that are not named here are refused.",
      "type": "object",
      "required": ["id", "account", "from", "to", "energy"],
      "additionalProperties": false,
      "properties": {
        "id": { "type": "string", "minLength": 1, "description": "Names the bill; the caller keeps it unique." },
        "account": { "type": "string", "minLength": 1 },
        "from": { "$ref": "#/$defs/date", "description": "First billed day." },
        "to": { "$ref": "#/$defs/date", "description": "First day that is not billed any more." },
        "energy": {
          "type": "object",
          "description": "kWh in all, and by the tariff's periods; the residual period may be left out. With intervals only the total.",
          "required": ["total"],
          "additionalProperties": { "$ref": "#/$defs/amount" }
        },
        "used_before": { "$ref": "#/$defs/optional", "description": "kWh used before in the same tier window." },
        "used_before_by_tier": {
          "type": ["array", "null"],
          "items": { "$ref": "#/$defs/amount" },
          "description": "The same by tier, from the first; needed where household grants are given. Not both."
        },
        "granted_months": {
          "type": ["integer", "null"], "minimum": 0, "maximum": 24,
          "description": "Months of the tier window with a household grant; no more than the window has, or the bill where it is monthly."
        },
        "tolerance": {
          "$ref": "#/$defs/optional",
          "description": "kWh by which the periods may disagree with the total; 0.01 for each period and one more where it is left out."
        },
        "intervals": {
          "type": ["object", "null"],
          "description": "A load profile that the periods are made of.",
          "required": ["start", "minutes", "energies"],
          "additionalProperties": false,
          "properties": {
            "start": { "$ref": "#/$defs/time" },
            "minutes": { "enum": [15, 30, 60] },
            "energies": {
              "type": "array",
              "items": { "$ref": "#/$defs/optional" },
              "description": "kWh of every interval of the billed days; null where none is known, which no bill is made of."
            },
            "bound": { "$ref": "#/$defs/optional", "description": "kWh by which their sum may differ from the total." },
            "reconciliation": { "enum": ["residual", "scaled", null] }
          }
        },
        "segments": {
          "type": ["array", "null"],
          "description": "The readings that the energy is the sum of: each register's energy is the difference of its readings times the multiplier, segments lie within the billed days, the first begins and the last ends with them, those of one meter's register join end to end (between two meters there may be a gap), and their import energies add up to energy.total. They stand on the bill and in its digest.",
          "items": { "$ref": "#/$defs/segment" }
        },
        "supply": {
          "type": ["object", "null"],
          "description": "What else was agreed and measured; homes have none.",
          "additionalProperties": false,
          "properties": {
            "basic_charge": { "enum": ["capacity", "contract-demand", "actual-demand", null] },
            "running": { "$ref": "#/$defs/optional", "description": "kVA in service." },
            "suspended": { "$ref": "#/$defs/optional", "description": "kVA suspended within two years of installation." },
            "contracted": { "$ref": "#/$defs/optional", "description": "kVA of all transformers and motors." },
            "feeds": {
              "type": ["array", "null"],
              "items": {
                "type": "object",
                "required": ["measured"],
                "additionalProperties": false,
                "properties": {
                  "measured": { "$ref": "#/$defs/amount", "description": "kW after the multiplier." },
                  "contract": { "$ref": "#/$defs/optional", "description": "kW." },
                  "capacity": { "$ref": "#/$defs/optional", "description": "kVA; contracted where it is left out of the only feed." }
                }
              }
            },
            "month_energy": { "$ref": "#/$defs/optional", "description": "kWh of all meter points in the month." },
            "part": {
              "type": ["object", "null"],
              "description": "The part of a month that the basic charge and a table's losses are for. Needed for them where the billed days are no whole month, from a day of one to the same day of the next.",
              "required": ["days", "month"],
              "additionalProperties": false,
              "properties": {
                "days": { "type": "integer", "minimum": 1, "maximum": 31, "description": "A part of a day is one; that of a change is of what holds after it." },
                "month": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "description": "The month whose length the whole has: one of those billed, or the one before." }
              }
            },
            "reactive": {
              "type": ["object", "null"],
              "required": ["forward"],
              "additionalProperties": false,
              "properties": {
                "forward": { "$ref": "#/$defs/amount", "description": "kvarh." },
                "reverse": { "$ref": "#/$defs/optional", "description": "kvarh." }
              }
            },
            "power_factor_standard": { "enum": ["0.90", "0.85", "0.80", "none", null] },
            "self_use": { "$ref": "#/$defs/optional", "description": "kWh made and used on the spot." },
            "exported": { "$ref": "#/$defs/optional", "description": "kWh of reverse energy." },
            "transformer": {
              "type": ["object", "null"],
              "required": ["model", "capacity"],
              "additionalProperties": false,
              "properties": {
                "model": { "type": "string" },
                "capacity": { "$ref": "#/$defs/amount", "description": "kVA." },
                "hours": { "type": ["integer", "null"] }
              }
            },
            "line_loss": { "type": ["integer", "null"], "minimum": 0, "maximum": 5000, "description": "Hundredths of a percent." },
            "window_months": {
              "type": ["integer", "null"], "minimum": 1, "maximum": 12,
              "description": "Months of the tier window in which the customer has the supply; for plans whose limits follow them."
            },
            "arrears": {
              "type": ["array", "null"],
              "items": {
                "type": "object",
                "required": ["bill", "amount", "due", "paid"],
                "additionalProperties": false,
                "properties": {
                  "bill": { "type": "string" },
                  "amount": { "$ref": "#/$defs/amount", "description": "Yuan." },
                  "due": { "$ref": "#/$defs/date" },
                  "paid": { "$ref": "#/$defs/date" }
                }
              }
            }
          }
        }
      },
      "$defs": {
        "amount": { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$" },
        "optional": { "anyOf": [{ "$ref": "#/$defs/amount" }, { "type": "null" }] },
        "date": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
        "time": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$" },
        "mark": {
          "type": "object",
          "required": ["reading", "value", "quality"],
          "additionalProperties": false,
          "properties": {
            "reading": { "type": "string", "pattern": "^[0-9]+$" },
            "value": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" },
            "quality": { "enum": ["actual", "confirmed", "synthetic", "estimated", "substituted"] }
          }
        },
        "demand": {
          "type": ["object", "null"],
          "required": ["reading", "value", "quality", "power"],
          "additionalProperties": false,
          "properties": {
            "reading": { "type": "string", "pattern": "^[0-9]+$" },
            "value": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" },
            "quality": { "enum": ["actual", "confirmed", "synthetic", "estimated", "substituted"] },
            "occurred": { "anyOf": [{ "$ref": "#/$defs/time" }, { "type": "null" }] },
            "power": { "$ref": "#/$defs/amount", "description": "kW after the multiplier." }
          }
        },
        "segment": {
          "type": "object",
          "required": ["meter", "multiplier", "from", "to", "registers"],
          "additionalProperties": false,
          "anyOf": [
            { "properties": { "registers": { "minItems": 1 } } },
            { "properties": { "demand": { "type": "object" } }, "required": ["demand"] }
          ],
          "properties": {
            "meter": { "type": "string" },
            "multiplier": { "type": "string", "pattern": "^[0-9]+(/[0-9]+)?$" },
            "from": { "$ref": "#/$defs/time" },
            "to": { "$ref": "#/$defs/time" },
            "demand": { "$ref": "#/$defs/demand" },
            "registers": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["quantity", "start", "stop", "energy"],
                "additionalProperties": false,
                "properties": {
                  "quantity": { "type": "string" },
                  "start": { "$ref": "#/$defs/mark" },
                  "stop": { "$ref": "#/$defs/mark" },
                  "rolled_over": { "type": ["boolean", "null"] },
                  "capacity": { "$ref": "#/$defs/optional", "description": "kWh to which the register counts; the smallest power of ten above its start where it is left out." },
                  "energy": { "$ref": "#/$defs/amount" }
                }
              }
            }
          }
        }
      }
    }

    """#

  private static let billText = #"""
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": "urn:meterd:rate:bill:1",
      "title": "One itemised bill",
      "description": "The same usage and tariff give the same bytes; the lines add up to the total.",
      "type": "object",
      "required": ["bill", "kind", "account", "from", "to", "estimated", "plan", "energy", "lines", "currency", "total", "segments", "engine", "digest"],
      "additionalProperties": false,
      "properties": {
        "bill": { "type": "string" },
        "kind": { "enum": ["original", "reversal"] },
        "account": { "type": "string" },
        "from": { "$ref": "#/$defs/date" },
        "to": { "$ref": "#/$defs/date", "description": "First day that is not billed any more." },
        "estimated": { "type": "boolean" },
        "plan": {
          "type": "object",
          "required": ["name", "title", "title_zh", "valid_from", "digest"],
          "additionalProperties": false,
          "properties": {
            "name": { "type": "string" },
            "title": { "type": "string" },
            "title_zh": { "type": "string" },
            "valid_from": { "$ref": "#/$defs/date" },
            "digest": { "$ref": "#/$defs/digest" }
          }
        },
        "energy": {
          "type": "object",
          "description": "kWh that are billed, in all and by the tariff's periods.",
          "required": ["total"],
          "additionalProperties": { "$ref": "#/$defs/amount" }
        },
        "tiers": {
          "type": "object",
          "required": ["window", "used", "used_after"],
          "additionalProperties": false,
          "properties": {
            "window": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" },
            "used": { "type": "array", "items": { "$ref": "#/$defs/amount" } },
            "used_after": { "type": "array", "items": { "$ref": "#/$defs/amount" } }
          }
        },
        "losses": {
          "type": "object",
          "required": ["metered", "transformer", "line", "reactive"],
          "additionalProperties": { "$ref": "#/$defs/amount" }
        },
        "power_factor": {
          "type": "object",
          "required": ["active", "reactive", "factor", "standard", "adjustment"],
          "additionalProperties": { "$ref": "#/$defs/amount" }
        },
        "lines": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["ordinal", "component", "name", "name_zh", "tier", "period", "quantity", "unit", "price", "amount", "rule", "formula", "segments"],
            "additionalProperties": false,
            "properties": {
              "ordinal": { "type": "integer", "minimum": 1 },
              "component": { "type": "string" },
              "name": { "type": "string" },
              "name_zh": { "type": "string" },
              "tier": { "type": ["integer", "null"] },
              "period": { "type": ["string", "null"] },
              "quantity": { "$ref": "#/$defs/amount" },
              "unit": { "enum": ["kWh", "kVA", "kW", "yuan"] },
              "price": { "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{8}$" },
              "amount": { "$ref": "#/$defs/money" },
              "rule": { "type": "string" },
              "formula": { "type": "string" },
              "segments": { "type": "array", "items": { "type": "integer" } },
              "part": { "type": "integer", "minimum": 1 }
            }
          }
        },
        "currency": { "const": "CNY" },
        "total": { "$ref": "#/$defs/money" },
        "segments": { "type": "array", "items": { "type": "object" } },
        "intervals": { "type": "object", "description": "On bills of a store: what the periods were made of." },
        "engine": { "type": "integer" },
        "digest": { "$ref": "#/$defs/digest", "description": "SHA-256 of everything that the bill is made of." }
      },
      "$defs": {
        "amount": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" },
        "money": { "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2}$" },
        "date": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
        "digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" }
      }
    }

    """#
}
