import NIOCore

/// What is done at a time: one alarm of each kind.
extension Agent {
    enum Alarm: Hashable, Sendable {
        /// What had to wait may be repaired, or a fight may be over.
        case repair
        /// The time of a port in quarantine is over.
        case expulsion
        /// The devices of VM ports that were taken off the chain's bridges are looked at.
        case misplaced
        /// Those that ovs-vswitchd does not listen to are.
        case devices
        /// ovs-vswitchd has had its time to do what was written.
        case application
        case pauseEnd
        /// What could not be saved is tried again.
        case saving
        /// What happened is told.
        case telling
    }

    /// Has an alarm ring at this time, and at no other; `nil` for never.
    func set(_ alarm: Alarm, at time: NIODeadline?) {
        guard alarms[alarm]?.time != time else { return }
        alarms[alarm]?.task.cancel()
        alarms[alarm] = time.map { time in
            let task = eventLoop.scheduleTask(deadline: time) {
                self.assumeIsolated { agent in
                    agent.alarms[alarm] = nil
                    agent.rang(alarm)
                }
            }
            return (time, task)
        }
    }

    /// The same, where it is not to ring already.
    func setOnce(_ alarm: Alarm, in time: TimeAmount) {
        if alarms[alarm] == nil { set(alarm, at: .now() + time) }
    }

    func cancelAlarms() {
        for alarm in alarms.values { alarm.task.cancel() }
        alarms = [:]
    }

    private func rang(_ alarm: Alarm) {
        switch alarm {
        case .repair: run(repair.rang(now: .now()))
        case .expulsion:
            // That it stands there is somebody else's doing.
            repair.expectDrift()
            reconcileIfIdle()
        case .misplaced: lookAtMisplacedNow()
        case .devices: lookAtDevicesNow()
        case .application: checkApplication()
        case .pauseEnd: pauseIsOver()
        case .saving: saveAgainNow()
        case .telling: tell()
        }
    }
}
