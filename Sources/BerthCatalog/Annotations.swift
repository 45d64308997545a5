import Foundation

/// Annotations as they are stored: a JSON object whose keys are sorted, so that equal ones are equal bytes.
enum Annotations {
    static func encode(_ annotations: [String: String]) throws(CatalogError) -> String {
        if annotations.isEmpty { return "{}" }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(annotations), as: UTF8.self)
        } catch {
            throw .damaged("annotations that cannot be written: \(error)")
        }
    }

    static func decode(_ text: String) throws(CatalogError) -> [String: String] {
        if text == "{}" { return [:] }
        do {
            return try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        } catch {
            throw .damaged("annotations that cannot be read: \(error)")
        }
    }
}
