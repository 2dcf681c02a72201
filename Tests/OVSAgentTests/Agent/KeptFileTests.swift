import Testing

@testable import OVSAgent

/// When a file of the state folder is written: by script, without a disk.
struct KeptFileTests {
    private static func file(held: Int? = nil) -> KeptFile<Int> {
        KeptFile(StateFile("number", in: "/nowhere"), held: held) {
            "\($0) could not be kept"
        } encode: { value in
            value == 0 ? nil : Array("\(value)".utf8)
        }
    }

    private static func want(
        _ file: inout KeptFile<Int>,
        _ value: Int,
        isOrdered: Bool = false
    ) -> KeptFile<Int>.Save? {
        file.want(value, isOrdered: isOrdered)
    }

    private static func end(
        _ file: inout KeptFile<Int>,
        _ save: KeptFile<Int>.Save,
        isSaved: Bool
    ) -> KeptFile<Int>.Save? {
        file.ended(save, isSaved: isSaved)
    }

    @Test("what it holds is not written again, and what is not known is")
    func once() throws {
        var file = Self.file(held: 1)
        #expect(Self.want(&file, 1) == nil)
        let save = try #require(Self.want(&file, 2))
        #expect(save.value == 2 && save.complaint == "2 could not be kept")
        #expect(file.held == 2 && file.known == 1)
        #expect(Self.end(&file, save, isSaved: true) == nil)
        #expect(Self.want(&file, 2) == nil && file.known == 2)
        file.forget()
        #expect(file.known == 2)
        #expect(Self.want(&file, 2)?.value == 2)
    }

    @Test("what changes during a save is one more, of the newest value")
    func meanwhile() throws {
        var file = Self.file(held: 0)
        let first = try #require(Self.want(&file, 1))
        let others = [2, 3, 4].map { Self.want(&file, $0) }
        #expect(others.allSatisfy { $0 == nil })
        let second = try #require(Self.end(&file, first, isSaved: true))
        #expect(second.value == 4)
        #expect(Self.end(&file, second, isSaved: true) == nil)
        // Back to what is being written: nothing more.
        let third = try #require(Self.want(&file, 5))
        #expect(Self.want(&file, 6) == nil)
        #expect(Self.want(&file, 5) == nil)
        #expect(Self.end(&file, third, isSaved: true) == nil)
        #expect(file.held == 5)
    }

    @Test("what could not be saved is tried again only when it is time, and ordered ones at once")
    func failures() throws {
        var file = Self.file(held: 0)
        let first = try #require(Self.want(&file, 1))
        #expect(Self.want(&file, 2) == nil)
        #expect(Self.end(&file, first, isSaved: false) == nil)
        #expect(file.held == nil && file.known == 0)
        let tries = [2, 3, 2].map { Self.want(&file, $0) }
        #expect(tries.allSatisfy { $0 == nil })
        file.unblock()
        let second = try #require(Self.want(&file, 3))
        #expect(Self.end(&file, second, isSaved: false) == nil)
        let ordered = try #require(Self.want(&file, 4, isOrdered: true))
        #expect(Self.end(&file, ordered, isSaved: true) == nil)
        #expect(Self.want(&file, 4) == nil)
    }

    @Test(
        "of two saves under way the newer one decides, in whichever order they end",
        arguments: [false, true],
        [false, true]
    )
    func two(isOlderFirst: Bool, isNewerSaved: Bool) throws {
        var file = Self.file(held: 0)
        let older = try #require(Self.want(&file, 1))
        let newer = try #require(Self.want(&file, 2, isOrdered: true))
        for save in isOlderFirst ? [older, newer] : [newer, older] {
            let next = Self.end(&file, save, isSaved: save.value == 2 ? isNewerSaved : !isNewerSaved)
            #expect(next == nil)
        }
        #expect(file.held == (isNewerSaved ? 2 : nil))
    }

    @Test("at the end what came meanwhile is written beside what is under way, and without the lock never")
    func end() throws {
        var file = Self.file(held: 0)
        let first = try #require(Self.want(&file, 1))
        #expect(Self.want(&file, 2) == nil)
        var lost = file
        let last = file.flush()
        #expect(last?.value == 2)
        #expect(Self.end(&file, first, isSaved: true) == nil)
        #expect(file.held == 2)
        let nothing = file.flush()
        #expect(nothing == nil)
        lost.drop()
        #expect(Self.end(&lost, first, isSaved: true) == nil)
        #expect(lost.held == 1)
    }

    @Test("what is forgotten during a save is written again")
    func forgotten() throws {
        var file = Self.file(held: 0)
        let save = try #require(Self.want(&file, 1))
        file.forget()
        #expect(Self.end(&file, save, isSaved: true) == nil)
        #expect(file.held == nil && file.known == 1)
        #expect(Self.want(&file, 1)?.value == 1)
    }

    @Test("no file tells a value that is written as none, and a folder that is none is told")
    func disk() throws {
        try StateFileTests.withFolder { folder in
            var file = KeptFile<Int>(StateFile("f", in: folder)) { _ in
                ""
            } encode: { value in
                value == 0 ? nil : Array("\(value)".utf8)
            }
            for value in [7, 0, 0, 8] {
                let save = try #require(Self.want(&file, value, isOrdered: true))
                try save.perform()
                #expect(Self.end(&file, save, isSaved: true) == nil)
                let kept = file.file.load { String(decoding: $0, as: UTF8.self) }
                #expect(kept.value == (value == 0 ? nil : "\(value)"))
            }
            var lost = KeptFile<Int>(StateFile("f", in: "/dev/null")) { _ in
                ""
            } encode: { _ in
                []
            }
            let save = try #require(Self.want(&lost, 1))
            #expect(throws: StateFile.Failure.self) { try save.perform() }
        }
    }
}
