/** A phone in Kotlin, for tests/clients/compiled_phone.py: arguments URL CODE; each line "NOW DAYS VALUE" is that many check-ins. */
import example.afterglow.client.apis.CheckInsApi
import example.afterglow.client.apis.PatientsOwnApi
import example.afterglow.client.infrastructure.ApiClient
import example.afterglow.client.models.CheckInBatch
import example.afterglow.client.models.CheckInItem
import example.afterglow.client.models.Enrolment
import java.io.IOException
import java.time.OffsetDateTime
import java.util.UUID
import kotlin.random.Random

/** A UUIDv7: milliseconds first, so that ids are in the order in which they were made. */
fun newId(): UUID {
    val time = System.currentTimeMillis() shl 16
    return UUID(time or 0x7000L or Random.nextLong(0x1000), Random.nextLong() ushr 2 or Long.MIN_VALUE)
}

fun report(now: OffsetDateTime, days: Long, value: Int): List<CheckInItem> = (days - 1 downTo 0).map { back ->
    CheckInItem(
        id = newId(), recordedAt = now.minusDays(back), timeZone = "Europe/Berlin",
        mood = value, energy = value, sleepQuality = value,
    )
}

fun main(arguments: Array<String>) {
    val (url, code) = arguments
    val enrolled = PatientsOwnApi(url).enrolDevice(Enrolment(code = code, deviceName = "Kotlin"))
    ApiClient.accessToken = enrolled.accessToken
    val phone = CheckInsApi(url)
    for (line in generateSequence(::readLine)) {
        val (now, days, value) = line.split(" ")
        val waiting = CheckInBatch(report(OffsetDateTime.parse(now), days.toLong(), value.toInt()))
        try {
            CheckInsApi("http://127.0.0.1:9").sendBatch(waiting)
            error("sent without a network")
        } catch (_: IOException) {
            // What was not sent keeps its ids.
        }
        // The second time as where the first reply was lost.
        for (status in listOf(201, 200)) check(phone.sendBatch(waiting).results.all { it.status == status })
        println(waiting.items.joinToString(" ") { it.id.toString() })
    }
    println(phone.listCheckIns().items.joinToString(" ") { it.id.toString() })
}
