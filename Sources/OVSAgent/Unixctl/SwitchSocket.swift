/// Where the ovs-vswitchd that runs is asked.
enum SwitchSocket {
    /// The control socket of the ovs-vswitchd that runs (ovs-vswitchd(8), `--unixctl`): its pid stands in its pid file.
    static func path(in folder: String) throws(CommandFailure) -> String {
        "\(folder)/ovs-vswitchd.\(try process(in: folder)).ctl"
    }

    /// The process of the ovs-vswitchd that runs, by its pid file. It waits for a disk.
    static func process(in folder: String) throws(CommandFailure) -> Int32 {
        let file = "\(folder)/ovs-vswitchd.pid"
        let text: [UInt8]
        do throws(BoundedFileError) {
            text = try BoundedFile.bytes(of: file, limit: 64, onlyRegular: true)
        } catch {
            throw CommandFailure(
                "ovs-vswitchd can't be asked: \(error) (is it running? --openflow-dir names the folder)"
            )
        }
        guard let pid = Int32(String(decoding: text, as: UTF8.self).trimmingBlanks) else {
            throw CommandFailure("ovs-vswitchd can't be asked: \(file) holds no pid")
        }
        return pid
    }
}
