import Testing

@testable import OVSDB

/// Remotes as an operator writes them.
@Suite struct RemoteTests {
    @Test(
        "remotes are read and written",
        arguments: [
            ("unix:/run/db.sock", .unix(path: "/run/db.sock"), "unix:/run/db.sock"),
            ("unix:a:b", .unix(path: "a:b"), "unix:a:b"),
            ("tcp:127.0.0.1:6641", .tcp(host: "127.0.0.1", port: 6641), "tcp:127.0.0.1:6641"),
            ("tcp:host", .tcp(host: "host", port: 6640), "tcp:host:6640"),
            ("tcp:[::1]:1", .tcp(host: "::1", port: 1), "tcp:[::1]:1"),
            ("tcp:[::1]", .tcp(host: "::1", port: 6640), "tcp:[::1]:6640"),
        ] as [(String, Remote, String)]
    )
    func forms(text: String, remote: Remote, written: String) throws {
        #expect(try Remote(text) == remote)
        #expect(remote.description == written)
    }

    @Test(
        "anything else is refused with the reason",
        arguments: [
            "", "db.sock", "unix:", "unix:" + String(repeating: "x", count: 108), "tcp:", "tcp::6640", "tcp:h:",
            "tcp:h:0",
            "tcp:h:65536", "tcp:h:+1", "tcp:h:-1", "tcp:h:x", "tcp:::1:6640", "tcp:[::1", "tcp:[]:1", "tcp:[::1]x",
            "ssl:h:1", "ptcp:1",
            " unix:/x", "tcp:h:99999999999999999999",
        ]
    )
    func refusals(text: String) {
        let error = #expect(throws: OVSDBError.self) { try Remote(text) }
        guard case .invalidRemote(text, let reason) = error, !reason.isEmpty else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test("a list is read in order, and a broken part or none at all is refused")
    func lists() throws {
        #expect(try Remote.list("unix:/a,tcp:h:1,") == [.unix(path: "/a"), .tcp(host: "h", port: 1)])
        for text in ["", ",", "unix:/a,x"] { #expect(throws: OVSDBError.self) { try Remote.list(text) } }
    }
}
