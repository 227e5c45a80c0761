import Testing

struct ImportCase: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  let expected: [String]
  var testDescription: String { name }
}

@Suite struct SourceTextTests {
  static let cases = [
    ImportCase(name: "plain", text: "import Metering", expected: ["Metering"]),
    ImportCase(
      name: "access level", text: "public import Metering\ninternal import Glibc", expected: ["Metering", "Glibc"]),
    ImportCase(name: "package access", text: "package import Host", expected: ["Host"]),
    ImportCase(name: "attribute", text: "@testable import Store", expected: ["Store"]),
    ImportCase(
      name: "attribute on a line of its own", text: "@preconcurrency\nimport Dispatch", expected: ["Dispatch"]),
    ImportCase(name: "attribute with an argument", text: "@_spi(Tests) public import Line", expected: ["Line"]),
    ImportCase(name: "two attributes", text: "@_exported @preconcurrency import Rating", expected: ["Rating"]),
    ImportCase(name: "one declaration of a module", text: "import struct Foundation.Date", expected: ["Foundation"]),
    ImportCase(name: "a function of a module", text: "import func Glibc.poll", expected: ["Glibc"]),
    ImportCase(name: "a submodule", text: "import Foundation.NSDate", expected: ["Foundation"]),
    ImportCase(name: "two on a line", text: "import Host; import Line", expected: ["Host", "Line"]),
    ImportCase(name: "indented under a condition", text: "#if os(Linux)\n  import Glibc\n#endif", expected: ["Glibc"]),
    ImportCase(name: "after the code", text: "struct A {}\nimport Host", expected: ["Host"]),
    ImportCase(name: "name with an underscore", text: "import _Differentiation", expected: ["_Differentiation"]),
    ImportCase(name: "name in backticks", text: "import `Host`", expected: ["Host"]),
    ImportCase(name: "comment behind", text: "import Host // import Line", expected: ["Host"]),
    ImportCase(name: "comment before", text: "/* why */ import Host", expected: ["Host"]),
    ImportCase(name: "comment between", text: "import /* the */ Host", expected: ["Host"]),
    ImportCase(
      name: "windows line ends", text: "import Host\r\n// import Line\r\nimport Modbus\r\n",
      expected: ["Host", "Modbus"]),
    ImportCase(name: "line comment", text: "// import Foundation\n/// import Foundation", expected: []),
    ImportCase(name: "nested block comment", text: "/* a /* b */ import Foundation */", expected: []),
    ImportCase(name: "string", text: #"let a = "import Foundation""#, expected: []),
    ImportCase(name: "string with an escaped quote", text: #"let a = "\" import Foundation""#, expected: []),
    ImportCase(name: "string over lines", text: "let a = \"\"\"\n  import Foundation\n  \"\"\"", expected: []),
    ImportCase(name: "raw string", text: ##"let a = #"" import Foundation"#"##, expected: []),
    ImportCase(name: "comment sign in a string", text: "let a = \"/*\"\nimport Host", expected: ["Host"]),
    ImportCase(name: "interpolated string", text: #"let a = "\(b ?? "x")"; import Host"#, expected: ["Host"]),
    ImportCase(name: "member and label", text: "f(.import, import: 1)\nfunc g(import x: Int) {}", expected: []),
    ImportCase(name: "case in backticks", text: "enum Way { case `import`, export }", expected: []),
    ImportCase(name: "words that begin alike", text: "let imported = importActive\ncase importActive", expected: []),
    ImportCase(name: "nothing", text: "", expected: []),
  ]

  @Test(arguments: cases)
  func `imports are found however they are written`(_ sample: ImportCase) {
    #expect(SourceText(sample.text).imports == sample.expected)
  }
}
