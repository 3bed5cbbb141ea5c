// swift-tools-version:6.0
import PackageDescription

let package = Package(
    name: "Walk",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "AfterglowClient", path: "../../../build/swift")],
    targets: [
        .executableTarget(
            name: "Walk",
            dependencies: [.product(name: "AfterglowClient", package: "AfterglowClient")],
            path: "Sources"
        ),
    ]
)
