// swift-tools-version: 6.2
import PackageDescription

// One folder a room, one line a room. Arrows point one way: see README.md, "How the code is laid out".

let strict: [SwiftSetting] =
    ["ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault", "NonisolatedNonsendingByDefault"]
    .map { .enableUpcomingFeature($0) } + [.treatAllWarnings(as: .error)]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let grdb: [Target.Dependency] = ["GRDB", "GRDBSQLite"].map { .product(name: $0, package: "GRDB.swift") }
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// A room of the registry: a library that only this package uses.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name,
        dependencies: name == "BerthModel" ? dependencies : ["BerthModel"] + dependencies,
        exclude: ["README.md"],
        swiftSettings: strict
    )
}

/// The tests of one room.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "berth",
    products: [.executable(name: "berth", targets: ["berth"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLibCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        room("BerthModel"),
        room("BerthDigest", ["CLibCrypto"]),
        room(
            "BerthFetch",
            [
                nio, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]),
        room("BerthBlobs", ["BerthDigest", nio, nioPosix]),
        room("BerthCatalog", grdb),
        room("BerthRegistry", ["BerthBlobs", "BerthCatalog", "BerthDigest", nio, logging]),
        room("BerthCollector", ["BerthBlobs", "BerthCatalog", logging]),
        room(
            "BerthAccess",
            [
                "BerthRegistry", "BerthCatalog", "BerthDigest", "BerthFetch", "CLibCrypt", nio, nioPosix, logging,
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        room(
            "BerthAuthority",
            [
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        room(
            "BerthHTTP",
            [
                nio, nioPosix, logging,
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        room(
            "BerthAPI",
            [
                "BerthHTTP", "BerthRegistry", "BerthAccess", nio, logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        room(
            "BerthAdmin",
            [
                "BerthAccess", "BerthCatalog", "BerthCollector", "BerthHTTP", "BerthRegistry", nio, logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        room(
            "BerthConfig",
            [.product(name: "Configuration", package: "swift-configuration"), .product(name: "Yams", package: "Yams")]),
        room(
            "BerthServer",
            [
                "BerthAPI", "BerthAdmin", "BerthHTTP", "BerthRegistry", "BerthAccess", "BerthCollector", "BerthBlobs",
                "BerthCatalog", "BerthConfig", "BerthAuthority", nio, nioPosix, logging,
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "berth",
            dependencies: [
                "BerthServer", "BerthConfig", "BerthCatalog", "BerthCollector", "BerthRegistry", "BerthModel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["README.md"],
            swiftSettings: strict,
            // A start reads and touches less: relocations packed from 3.6 MB to 30 KB, no table of 30,000 names for others to
            // link against. Needs glibc 2.36 where it runs, as Debian 12 has it.
            linkerSettings: [
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
                        "-Xlinker", "--no-export-dynamic",
                    ], .when(configuration: .release))
            ]
        ),
        .target(
            name: "BerthTestSupport",
            dependencies: [
                "BerthModel", "BerthDigest", "BerthBlobs", "BerthConfig", "BerthHTTP", "BerthRegistry", "BerthAccess",
                "BerthServer", nio, nioPosix, logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Tests/BerthTestSupport",
            swiftSettings: strict
        ),
        tests("BerthModelTests", ["BerthModel", "BerthTestSupport"]),
        tests("BerthFetchTests", ["BerthFetch", "BerthTestSupport", nio]),
        tests(
            "BerthRegistryTests",
            [
                "BerthTestSupport", "BerthRegistry", "BerthBlobs", "BerthCatalog", "BerthDigest", "BerthModel", nio,
                logging,
            ]),
        tests(
            "BerthAccessTests",
            [
                "BerthAccess", "BerthCatalog", "BerthRegistry", "BerthDigest", "BerthFetch", "BerthModel",
                "BerthTestSupport", logging, .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        tests(
            "BerthAdminTests",
            [
                "BerthAdmin", "BerthAccess", "BerthCatalog", "BerthHTTP", "BerthModel", "BerthTestSupport",
                "BerthServer",
                "BerthRegistry", "BerthCollector", nio, logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests(
            "BerthAPITests",
            [
                "BerthAPI", "BerthHTTP", "BerthRegistry", "BerthModel", nio,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests("BerthArchitectureTests", ["BerthCatalog"] + grdb),
        tests("BerthDigestTests", ["BerthDigest", "BerthModel"]),
        tests("BerthBlobsTests", ["BerthTestSupport", "BerthBlobs", "BerthDigest", "BerthModel", nio]),
        tests("BerthCatalogTests", ["BerthCatalog", "BerthModel"] + grdb),
        tests(
            "BerthCollectorTests",
            [
                "BerthCollector", "BerthCatalog", "BerthBlobs", "BerthRegistry", "BerthDigest", "BerthModel",
                "BerthTestSupport", logging,
            ]
                + grdb),
        tests(
            "BerthServerTests",
            [
                "BerthServer", "BerthHTTP", "BerthModel", nio, nioPosix, logging,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests(
            "BerthHTTPTests",
            [
                "BerthTestSupport", "BerthHTTP", nio, nioPosix, logging,
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests(
            "BerthAuthorityTests",
            [
                "BerthAuthority", "BerthHTTP", "BerthTestSupport", logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        tests("BerthConfigTests", ["BerthConfig"]),
        tests("BerthCommandTests", ["berth", "BerthTestSupport", "BerthModel"]),
        .testTarget(
            name: "BerthFaultTests",
            dependencies: ["BerthTestSupport", "BerthModel", "BerthDigest", "BerthCatalog"] + grdb,
            exclude: ["README.md", "shim"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "BerthClientTests",
            exclude: ["README.md", "Scripts", "client-requirements.txt", "install-clients.sh"],
            swiftSettings: strict
        ),
        tests(
            "BerthLiveTests",
            [
                "BerthTestSupport", "BerthModel", "BerthBlobs", "BerthCatalog", "BerthConfig", "BerthRegistry",
                "BerthAccess", "BerthCollector", "BerthFetch", "BerthServer", "BerthHTTP", "BerthAPI", logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
