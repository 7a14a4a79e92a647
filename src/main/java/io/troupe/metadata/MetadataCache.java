package io.troupe.metadata;

/** Where handlers read the current image without a message: written by BrokerMetadata, read by any thread. */
public final class MetadataCache {
    private volatile MetadataImage image = MetadataImage.empty();
    private volatile boolean controllerSilent;

    public MetadataImage current() {
        return image;
    }

    /** Only BrokerMetadata calls this, with an image newer than the current one. */
    public void publish(MetadataImage newer) {
        image = newer;
    }

    /**
     * Whether no controller has answered this broker for a session: the one that the image names may be gone, and without a majority
     * of voters nothing ever says so.
     */
    public boolean controllerSilent() {
        return controllerSilent;
    }

    /** Only BrokerMetadata calls this. */
    public void controllerSilent(boolean silent) {
        controllerSilent = silent;
    }
}
