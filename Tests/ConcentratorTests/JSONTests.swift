import Concentrator
import Testing

@Suite struct JSONTests {
}
