import Glibc
import TestSupport
import Testing

@testable import OVSAgent

/// What was kept, without the line that checks it.
func keptText(of path: String) throws -> String {
    let file = try BoundedFile.bytes(of: path, limit: 32 << 20)
    return String(decoding: try StateFormat.contents(of: file, isUncheckedTaken: false), as: UTF8.self)
}

@Suite("A file of the state folder") struct StateFileTests {
    /// Runs `body` with a folder of its own.
    static func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/ovsa-state.XXXXXX\0".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer {
            for name in ["f", "f.new", "f.copy", "f.copy.new"] where unlink("\(folder)/\(name)") != 0 {
                rmdir("\(folder)/\(name)")
            }
            rmdir(folder)
        }
        try body(folder)
    }

    private static func load(_ file: StateFile) -> StateFile.Kept<[UInt8]> { file.load { $0 } }

    @Test("no change of a file passes for what was written: cut off anywhere, longer, or another byte anywhere")
    func changes() throws {
        var generator = Seeded(state: 7)
        for length in [0, 1, 2, 40, 300] {
            let contents = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let file = StateFormat.file(contents)
            #expect(try StateFormat.contents(of: file, isUncheckedTaken: false) == contents)
            func isTaken(_ changed: [UInt8]) -> Bool {
                (try? StateFormat.contents(of: changed, isUncheckedTaken: false)) != nil
            }
            for end in 0..<file.count { #expect(!isTaken(Array(file.prefix(end))), "\(length): first \(end)") }
            #expect(!isTaken(file + [10]))
            for index in file.indices {
                var changed = file
                changed[index] ^= UInt8.random(in: 1...255, using: &generator)
                #expect(!isTaken(changed), "\(length): byte \(index)")
            }
        }
    }

    @Test("what an agent wrote before there was a checksum is taken, and a cut off checksum is none of these")
    func older() throws {
        let old = Array("version: 1\n".utf8)
        #expect(try StateFormat.contents(of: old, isUncheckedTaken: true) == old)
        #expect(throws: StateFormat.Flaw.self) { try StateFormat.contents(of: old, isUncheckedTaken: false) }
        let new = StateFormat.file(old)
        for end in 0..<new.count {
            #expect(throws: StateFormat.Flaw.self) {
                try StateFormat.contents(of: Array(new.prefix(end)), isUncheckedTaken: true)
            }
        }
        let newer = Array("# ovs-agentd 2 1 0\nx".utf8)
        let flaw = #expect(throws: StateFormat.Flaw.self) {
            try StateFormat.contents(of: newer, isUncheckedTaken: true)
        }
        #expect(flaw?.description.contains("version 2") == true)
    }

    @Test("it is what was saved last, or missing, or damaged with the reason: never nothing instead of something")
    func load() throws {
        try Self.withFolder { folder in
            let file = StateFile("f", in: folder, limit: 100)
            guard case .missing = Self.load(file) else {
                Issue.record("a file that is not there")
                return
            }
            for text in ["one", "two", ""] {
                try file.save(Array(text.utf8))
                #expect(Self.load(file).value == Array(text.utf8))
            }
            try file.save(Array("three".utf8))
            let whole = try BoundedFile.text(of: file.path)
            let huge = String(repeating: "x", count: 1000)
            for text in ["", String(whole.dropLast()), "garbage", "\0\0\0\0", huge, "# ovs-agentd 1 3"] {
                try write(text, to: file.path)
                let kept = Self.load(file)
                guard case .damaged(let damage) = kept else {
                    Issue.record("\(text): \(kept)")
                    return
                }
                #expect(damage.path == file.path && damage.writtenAt != nil, "\(text)")
            }
            // What can't be opened as a file, and a pipe, whose reader would wait for ever.
            unlink(file.path)
            mkdir(file.path, 0o700)
            #expect(Self.load(file).damage?.reason == "Is a directory")
            rmdir(file.path)
            mkfifo(file.path, 0o600)
            #expect(Self.load(file).damage?.reason == "not a regular file")
            unlink(file.path)
            symlink(file.path, file.path)
            #expect(Self.load(file).damage?.writtenAt != nil)
            try file.remove()
            guard case .missing = Self.load(file) else {
                Issue.record("a file that was removed")
                return
            }
        }
    }

    @Test("a copy tells what a damaged file held, and nothing where the file was removed")
    func copy() throws {
        try Self.withFolder { folder in
            let file = StateFile("f", in: folder, hasCopy: true)
            try file.save([1, 2, 3])
            for text in ["", "x"] {
                try write(text, to: file.path)
                guard case .restored([1, 2, 3], let damage) = Self.load(file) else {
                    Issue.record("\(text)")
                    return
                }
                #expect(damage.path == file.path)
            }
            try write("x", to: "\(file.path).copy")
            guard case .damaged = Self.load(file) else {
                Issue.record("both are damaged")
                return
            }
            try file.save([4])
            #expect(!file.lacksCopy)
            for text in ["", "x"] {
                try write(text, to: "\(file.path).copy")
                guard case .restored([4], let damage) = Self.load(file) else {
                    Issue.record("the copy: \(text)")
                    return
                }
                #expect(damage.path == "\(file.path).copy" && damage.isOfCopy && file.lacksCopy)
            }
            unlink("\(file.path).copy")
            guard case .intact([4]) = Self.load(file), file.lacksCopy else {
                Issue.record("a copy that is not there")
                return
            }
            let lasting = StateFile("f", in: folder, hasCopy: true, staysForGood: true)
            unlink(file.path)
            try write("x", to: "\(file.path).copy")
            guard case .damaged = Self.load(lasting) else {
                Issue.record("lost, and its copy is damaged")
                return
            }
            try file.save([4])
            unlink(file.path)
            guard case .missing = Self.load(file) else {
                Issue.record("somebody removed it")
                return
            }
            try file.save([5])
            try file.remove()
            #expect(access("\(file.path).copy", F_OK) != 0)
        }
    }

    @Test("whatever stands in the way of its draft holds no save up")
    func draft() throws {
        try Self.withFolder { folder in
            let file = StateFile("f", in: folder)
            let draft = "\(file.path).new"
            // Whoever opens it to write waits for a reader.
            mkfifo(draft, 0o600)
            try file.save([1])
            symlink("/dev/full", draft)
            try file.save([2])
            #expect(Self.load(file).value == [2])
            mkdir(draft, 0o700)
            #expect(throws: StateFile.Failure.self) { try file.save([3]) }
            #expect(Self.load(file).value == [2])
        }
    }

    @Test("what is wrong is told until the file is written anew, and for a day at least")
    func troubles() throws {
        let file = StateFile("f", in: "/s")
        let damage = StateFile.Damage(path: file.path, reason: "it is empty", writtenAt: nil)
        let now = Timestamp(microseconds: 1_700_000_000_000_000)
        func later(_ hours: Int64) -> Timestamp { Timestamp(microseconds: now.microseconds + hours * 3_600_000_000) }
        var troubles = StateTroubles()
        func isNews(_ hours: Int64) -> Bool { troubles.found(damage, "all is lost", now: later(hours)) }
        #expect(isNews(0))
        #expect(!isNews(1))
        #expect(troubles.isDamaged(file))
        #expect(
            troubles.warnings(now: later(100))
                == ["kept for a restart and damaged: /s/f: it is empty; all is lost; not written anew yet"]
        )
        let (isFirst, isSecond) = (troubles.failed(file, "full"), troubles.failed(file, "full"))
        #expect(isFirst && !isSecond)
        #expect(troubles.warnings(now: later(1)).count == 2)
        troubles.saved(file, now: later(2))
        #expect(!troubles.isDamaged(file))
        #expect(troubles.warnings(now: later(3)).first?.hasSuffix("written anew at \(later(2))") == true)
        #expect(troubles.warnings(now: later(25)) == [])
        // Its copy alone.
        let twice = StateFile("g", in: "/s", hasCopy: true)
        let worn = StateFile.Damage(path: "/s/g.copy", reason: "it is empty", writtenAt: nil)
        _ = troubles.found(worn, "the file itself tells", now: later(26))
        #expect(troubles.isDamaged(twice))
        troubles.saved(twice, now: later(26))
        #expect(!troubles.isDamaged(twice) && !troubles.isUnsaved(twice))
        troubles.lacksCopy(twice)
        #expect(troubles.isUnsaved(twice) && troubles.warnings(now: later(60)) == [])
        troubles.saved(twice, now: later(60))
        #expect(!troubles.isUnsaved(twice))
        #expect(isNews(26))
    }
}
