import Testing

@testable import OVSAgent

@Suite("A plan for a host that has no chain yet")
struct PlanFirstTests {
    @Test("an empty database gets the whole layout, and a second run plans nothing")
    func empty() {
        var database = PlanDatabase()
        let plan = database.reconcile(.small)
        #expect(plan.obstacles == [])
        #expect(
            plan.changes.map(\.description) == [
                "+ Bridge br.mx: bridges br.mx", "+ Bridge br.microseg: bridges br.microseg",
                "+ Bridge br.nf: bridges br.nf", "+ Bridge br.dmx: bridges br.dmx",
                "+ Bridge br0.local: bridges br0.local", "+ Bridge br0: bridges br0",
            ]
        )
        #expect(
            "\(database)" == """
                bridge br.dmx
                  port br.dmx: br.dmx
                  port br0.dmx.n: br0.dmx.n
                  port br0.dmx.s: br0.dmx.s
                bridge br.microseg
                  port br.microseg: br.microseg
                  port br0.ms.n: br0.ms.n
                  port br0.ms.s: br0.ms.s
                bridge br.mx
                  port br.mx: br.mx
                  port br0.mx.n: br0.mx.n
                  port br0.mx.s: br0.mx.s
                bridge br.nf
                  port br.nf: br.nf
                  port br0.nf.n: br0.nf.n
                  port br0.nf.s: br0.nf.s
                bridge br0
                  port br0: br0
                  port br0-up: eth0 eth1
                  port br0.dmx: br0.dmx
                bridge br0.local
                  port br0.local: br0.local
                  port br0.local.n: br0.local.n

                """
        )
    }

    @Test("a database that nobody initialised gets its Open_vSwitch row too")
    func uninitialised() {
        var database = PlanDatabase(hasRoot: false)
        database.reconcile(.small)
        #expect(database.names("Bridge").count == 6)
    }
}
