/// The contents that scenarios share.
enum Datasets {
    /// Images of a config and three layers of 16 KiB.
    static func images(_ plan: Plan) -> Dataset {
        var dataset = Dataset(name: "images-\(plan.pick(200, smoke: 10))-1")
        for number in 0..<plan.pick(200, smoke: 10) {
            dataset.addImage(
                "bench/images", tags: ["v1.\(number)"], series: 1, number: number, layers: 3, bytes: 16 << 10)
        }
        return dataset
    }

    /// One blob of 1 GiB, one of 64 MiB.
    static func largeBlobs(_ plan: Plan) -> Dataset {
        let (huge, large) = plan.pick((1 << 30, 64 << 20), smoke: (4 << 20, 1 << 20))
        return Dataset(
            name: "blobs-large-\(huge >> 20)-1",
            blobs: [huge, large].map { Dataset.Blobs(repository: "bench/large", size: $0, series: 3, numbers: 0..<1) })
    }

    /// 90,000 blobs of 4 KiB, then 10,000 of 64 KiB: what fits three times into the page cache of a small machine.
    static func smallBlobs(_ plan: Plan) -> Dataset {
        let (small, large) = plan.pick((90_000, 10_000), smoke: (90, 10))
        return Dataset(
            name: "blobs-small-\(small + large)-1",
            blobs: [
                Dataset.Blobs(repository: "bench/small", size: 4 << 10, series: 2, numbers: 0..<small),
                Dataset.Blobs(repository: "bench/small", size: 64 << 10, series: 2, numbers: 0..<large),
            ])
    }

    /// Blobs to be mounted elsewhere.
    static func mounted(_ plan: Plan) -> Dataset {
        Dataset(
            name: "mounted",
            blobs: [
                Dataset.Blobs(
                    repository: "bench/source", size: 4 << 10, series: 4, numbers: 0..<plan.pick(1000, smoke: 20))
            ])
    }

    /// Repositories with 1,000, 10,000 and 100,000 tags.
    static func tagged(_ plan: Plan) -> Dataset {
        let counts = plan.pick([1000, 10_000, 100_000], smoke: [10, 150, 400])
        return tagged(counts: counts, name: "tagged-\(counts[2])-1")
    }

    /// For each count a repository with one image that has so many tags.
    static func tagged(counts: [Int], name: String) -> Dataset {
        var dataset = Dataset(name: name)
        for (number, count) in counts.enumerated() {
            let tags = (0..<count).map { "v" + padded($0) }
            dataset.addImage(
                "bench/tags-\(label(count))", tags: tags, series: 5, number: number, layers: 0,
                bytes: Content.tailBytes)
        }
        return dataset
    }

    /// 1,000 and 10,000 repositories of an image each.
    static func catalogs(_ plan: Plan) -> [Dataset] {
        plan.pick([1000, 10_000], smoke: [10, 300]).map { count in
            var dataset = Dataset(name: "catalog-\(count)-1")
            for number in 0..<count {
                dataset.addImage(
                    "team/app-" + padded(number), tags: ["1"], series: 6, number: number, layers: 0,
                    bytes: Content.tailBytes)
            }
            return dataset
        }
    }

    /// A subject with one referrer, and one with 1,000.
    static func referred(_ plan: Plan) -> [Dataset] {
        plan.pick([1, 1000], smoke: [1, 20]).map { count in
            var dataset = Dataset(name: "referred-\(count)-1")
            let blobs = dataset.addImage(
                "bench/referred", tags: ["1"], series: 7, number: 0, layers: 0, bytes: Content.tailBytes)
            let subject = dataset.manifests[0]
            dataset.referrers = (0..<count).map { number in
                let template = ManifestTemplate(
                    configBytes: Content.tailBytes, layerBytes: [],
                    more: """
                        ,"subject":{"mediaType":"\(ManifestTemplate.type)","digest":"\(subject.digest)",\
                        "size":\(subject.bytes.count)},"artifactType":"application/vnd.example.sbom",\
                        "annotations":{"number":"\(number)"}
                        """)
                return Dataset.Manifest(repository: subject.repository, bytes: template.filled(blobs), tags: [])
            }
            return dataset
        }
    }

    /// A number of six digits, so that names sort by it.
    static func padded(_ number: Int) -> String { String("\(1_000_000 + number)".dropFirst()) }

    /// 1000 as 1k.
    static func label(_ count: Int) -> String { count >= 1000 ? "\(count / 1000)k" : "\(count)" }

    /// Catalogs of 10,000, 100,000 and a million tiny blobs in a hundred repositories, and one repository with 1,000 tags.
    static func growth(_ plan: Plan) -> [(label: String, dataset: Dataset)] {
        plan.pick([10_000, 100_000, 1_000_000], smoke: [100, 200, 400]).map { count in
            var dataset = tagged(counts: [plan.pick(1000, smoke: 120)], name: "growth-\(count)-1")
            let perRepository = count / 100
            dataset.blobs += (0..<100).map { number in
                Dataset.Blobs(
                    repository: "grow/r\(number)", size: Content.tailBytes, series: 8,
                    numbers: number * perRepository..<(number + 1) * perRepository)
            }
            return (count == 1_000_000 ? "1M" : label(count), dataset)
        }
    }
}
