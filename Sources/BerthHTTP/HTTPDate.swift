/// `Sun, 06 Nov 1994 08:49:37 GMT`: the form of RFC 9110 §5.6.7, without Foundation.
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter seconds: since 1970, not negative.
    static func text(_ seconds: Int64) -> String {
        let (day, second) = max(0, seconds).quotientAndRemainder(dividingBy: 86_400)
        let date = civil(day)
        let clock = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(days[Int(day % 7)]), \(two(date.day)) \(months[date.month]) \(date.year) \(clock) GMT"
    }

    /// Day of the month, month from 0 and year of a day since 1970. Counted in eras of 400 years that begin in March,
    /// so that the leap day is a year's last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func civil(_ day: Int64) -> (day: Int64, month: Int, year: Int64) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 2 : march - 10
        let year = yearOfEra + era * 400 + (month <= 1 ? 1 : 0)
        return (dayOfYear - (153 * march + 2) / 5 + 1, Int(month), year)
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
