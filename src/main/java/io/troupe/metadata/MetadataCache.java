package io.troupe.metadata;

/** Where handlers read the current image without a message: written by BrokerMetadata, read by any thread. */
public final class MetadataCache {
    private volatile MetadataImage image = MetadataImage.empty();

    public MetadataImage current() {
        return image;
    }

    /** Only BrokerMetadata calls this, with an image newer than the current one. */
    public void publish(MetadataImage newer) {
        image = newer;
    }
}
