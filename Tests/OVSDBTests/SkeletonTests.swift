import Testing

@Test func skeleton() { #expect(true) }
