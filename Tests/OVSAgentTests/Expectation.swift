import Testing

/// `#expect` for a call that changes a value, which the macro can't take apart.
func expect(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}
