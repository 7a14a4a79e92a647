package io.troupe.config;

/**
 * In which codec a topic's batches are stored ({@code compression.type} with its {@code compression.<codec>.level}).
 *
 * @param codec {@code producer}: as they come; {@code uncompressed}, {@code gzip}, {@code snappy}, {@code lz4} or
 *     {@code zstd}: packed anew where they come otherwise
 * @param level of gzip (-1: the codec's own), lz4 and zstd; means nothing for the others
 */
public record TopicCompression(String codec, int level) {
    /** As the producer chose. */
    public static final TopicCompression PRODUCER = new TopicCompression("producer", 0);

    /** Whether batches stay as they come. */
    public boolean isProducers() {
        return codec.equals(PRODUCER.codec);
    }
}
