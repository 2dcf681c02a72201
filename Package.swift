// swift-tools-version: 6.2
import PackageDescription

/// One set of rules for every Swift target: warnings stop the build, existentials are spelled out,
/// a member is visible only where its module is imported, and an async function stays on its caller's executor.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "ovs-agentd",
    products: [
        .executable(name: "ovs-agentd", targets: ["ovs-agentd"]),
        .executable(name: "ovs-agentctl", targets: ["ovs-agentctl"]),
        .library(name: "OVSDB", targets: ["OVSDB"]),
        .library(name: "OpenFlow", targets: ["OpenFlow"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        // Of the C library, what Swift's Glibc leaves out.
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(
            name: "COVSDB",
            dependencies: ["CJansson"],
            cSettings: [.treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra")]
        ),
        .target(
            name: "JSONRPC",
            dependencies: ["COVSDB", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings
        ),
        .target(
            name: "OVSDB",
            dependencies: [
                "JSONRPC",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OpenFlow",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OVSAgent",
            dependencies: [
                "JSONRPC",
                "CMalloc",
                "CYAML",
                "OVSDB",
                "OpenFlow",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "ovs-agentd",
            dependencies: [
                "OVSAgent",
                "OVSDB",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "ovs-agentctl",
            dependencies: [
                "JSONRPC",
                "OVSAgent",
                "OVSDB",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(
            name: "TestSupport",
            dependencies: ["CTestSupport", .product(name: "NIOPosix", package: "swift-nio")],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // Measured by scripts/bench, never installed.
        .executableTarget(
            name: "ovsdb-bench",
            dependencies: [
                "JSONRPC",
                "OVSDB",
                "OVSAgent",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/ovsdb-bench",
            swiftSettings: settings
        ),
        .testTarget(
            name: "OVSDBTests",
            dependencies: ["JSONRPC", "OVSDB", "TestSupport", .product(name: "NIOEmbedded", package: "swift-nio")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OpenFlowTests",
            dependencies: [
                "OpenFlow",
                "TestSupport",
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOTestUtils", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OVSAgentTests",
            dependencies: [
                "JSONRPC",
                "OVSAgent",
                "OVSDB",
                "TestSupport",
                "ovs-agentctl",
                "ovs-agentd",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
