internal import Store

/// Decisions on bills that wait.
struct Decisions {
  private struct Key: Hashable {
    let account: String
    let cycle: String
    let digest: String
  }

  private let known: [Key: StoredReview]

  init(_ reviews: [StoredReview]) {
    known = Dictionary(
      reviews.map { (Key(account: $0.review.account, cycle: $0.review.cycle, digest: $0.review.digest), $0) },
      uniquingKeysWith: { _, last in last })
  }

  subscript(account: String, cycle: String, digest: String) -> StoredReview? {
    known[Key(account: account, cycle: cycle, digest: digest)]
  }

  subscript(record: ReviewRecord) -> StoredReview? { self[record.account, record.cycle, record.digest] }
}
