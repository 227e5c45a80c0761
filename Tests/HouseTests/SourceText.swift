/// Swift source reduced to its words, without comments and string literals.
///
/// It is no parser: it knows just enough to find what a file imports, and which words it uses.
struct SourceText {
  /// A word (letters, digits, `_`), a word in backticks with its backticks, or one other character; no white space.
  let words: [String]

  init(_ text: String) {
    var scanner = Scanner(characters: Array(text))
    words = scanner.words()
  }

  /// The modules that the file imports, in order: the first part of `import struct Module.Type`.
  var imports: [String] {
    var modules: [String] = []
    for (index, word) in words.enumerated() where word == "import" {
      // `.import` and an argument label `import:` are no import declarations.
      if index > 0, [".", "(", ","].contains(words[index - 1]) { continue }
      var next = index + 1
      if next + 1 < words.count, Self.kinds.contains(words[next]), Self.isName(words[next + 1]) { next += 1 }
      guard next < words.count, Self.isName(words[next]) else { continue }
      modules.append(words[next].filter { $0 != "`" })
    }
    return modules
  }

  private static let kinds: Set = [
    "struct", "class", "enum", "protocol", "typealias", "func", "var", "let", "actor",
  ]

  private static func isName(_ word: String) -> Bool {
    word.first.map { $0.isLetter || $0 == "_" || $0 == "`" } ?? false
  }
}

extension SourceText {
  private struct Scanner {
    let characters: [Character]
    var position = 0

    init(characters: [Character]) { self.characters = characters }

    mutating func words() -> [String] {
      var words: [String] = []
      while let character = peek() {
        if character.isWhitespace {
          position += 1
        } else if looking(at: "//") {
          while let character = peek(), !character.isNewline { position += 1 }
        } else if looking(at: "/*") {
          skipBlockComment()
        } else if let hashes = stringStart() {
          skipString(hashes: hashes)
        } else if character == "`" {
          words.append(take(from: position, until: { $0 == "`" }) + "`")
          position += 1
        } else if Self.isWord(character) {
          words.append(take(from: position, until: { !Self.isWord($0) }))
        } else {
          words.append(String(character))
          position += 1
        }
      }
      return words
    }

    private func peek(_ ahead: Int = 0) -> Character? {
      position + ahead < characters.count ? characters[position + ahead] : nil
    }

    private func looking(at text: String) -> Bool {
      characters[position...].starts(with: text)
    }

    private static func isWord(_ character: Character) -> Bool {
      character.isLetter || character.isNumber || character == "_"
    }

    /// The characters from `start` up to, not with, the first after it that ends the word.
    private mutating func take(from start: Int, until ends: (Character) -> Bool) -> String {
      position = start + 1
      while let character = peek(), !ends(character) { position += 1 }
      return String(characters[start..<position])
    }

    /// Block comments nest.
    private mutating func skipBlockComment() {
      var depth = 0
      repeat {
        if looking(at: "/*") {
          depth += 1
          position += 2
        } else if looking(at: "*/") {
          depth -= 1
          position += 2
        } else {
          position += 1
        }
      } while depth > 0 && peek() != nil
    }

    /// The number of `#` before the quotes of a string that starts here.
    private func stringStart() -> Int? {
      var hashes = 0
      while peek(hashes) == "#" { hashes += 1 }
      return peek(hashes) == "\"" ? hashes : nil
    }

    /// What an interpolation holds is skipped with the string, save where it holds a string itself.
    private mutating func skipString(hashes: Int) {
      position += hashes
      let quotes = looking(at: "\"\"\"") ? "\"\"\"" : "\""
      position += quotes.count
      let end = quotes + String(repeating: "#", count: hashes)
      while let character = peek() {
        if looking(at: end) {
          position += end.count
          return
        }
        // A plain string ends with its line at the latest, so one mistake does not swallow the file.
        if quotes.count == 1, character.isNewline { return }
        position += character == "\\" && hashes == 0 ? 2 : 1
      }
    }
  }
}
