// A phone in Swift, for tests/clients/compiled_phone.py: arguments URL CODE; each line "NOW DAYS VALUE" is that many
// check-ins, answered with their ids.
import AfterglowClient
import Foundation

/// A UUIDv7: milliseconds first, so that ids are in the order in which they were made.
func newId() -> UUID {
    let time = UInt64(Date().timeIntervalSince1970 * 1000)
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    for place in 0..<6 {
        bytes[place] = UInt8(truncatingIfNeeded: time >> UInt64(40 - 8 * place))
    }
    bytes[6] = 0x70 | (bytes[6] & 0x0f)
    bytes[8] = 0x80 | (bytes[8] & 0x3f)
    return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
}

func report(_ now: Date, days: Int, value: Int) -> [CheckInItem] {
    (0..<days).reversed().map { back in
        CheckInItem(
            recordedAt: now.addingTimeInterval(-86_400 * Double(back)), timeZone: "Europe/Berlin",
            mood: value, energy: value, sleepQuality: value, id: newId()
        )
    }
}

func say(_ ids: [UUID]) {
    let line = ids.map { $0.uuidString.lowercased() }.joined(separator: " ") + "\n"
    FileHandle.standardOutput.write(Data(line.utf8))
}

func configuration(_ url: String, token: String? = nil) -> AfterglowClientAPIConfiguration {
    // A queue apart from the main one, which waits for the next line.
    AfterglowClientAPIConfiguration(
        basePath: url, customHeaders: token.map { ["Authorization": "Bearer \($0)"] } ?? [:],
        apiResponseQueue: DispatchQueue(label: "replies")
    )
}

let url = CommandLine.arguments[1]
let enrolled = try await PatientsOwnAPI.enrolDevice(
    enrolment: Enrolment(code: CommandLine.arguments[2], deviceName: "Swift"), apiConfiguration: configuration(url)
)
let service = configuration(url, token: enrolled.accessToken)
let away = configuration("http://127.0.0.1:9", token: enrolled.accessToken)

while let line = readLine() {
    let words = line.split(separator: " ").map(String.init)
    guard let now = service.codableHelper.dateFormatter.date(from: words[0]) else { fatalError("not a time: \(line)") }
    let waiting = CheckInBatch(items: report(now, days: Int(words[1])!, value: Int(words[2])!))
    let sent = try? await CheckInsAPI.sendBatch(checkInBatch: waiting, apiConfiguration: away)
    guard sent == nil else { fatalError("sent without a network") }
    // What was not sent keeps its ids; the second time is as where the first reply was lost.
    for status in [201, 200] {
        let reply = try await CheckInsAPI.sendBatch(checkInBatch: waiting, apiConfiguration: service)
        guard reply.results.allSatisfy({ $0.status == status }) else { fatalError("not kept: \(reply.results)") }
    }
    say(waiting.items.map(\.id))
}
say(try await CheckInsAPI.listCheckIns(apiConfiguration: service).items.map(\.id))
