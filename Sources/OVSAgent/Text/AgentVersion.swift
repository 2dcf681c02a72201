/// The one place where the version stands: both programs, the control socket and the database comments take it from here.
package enum AgentVersion {
    package static let current = "0.1.0"
}
