package io.troupe.protocol;

import org.apache.kafka.common.errors.NetworkException;

/** A broker is not there to be asked, and nothing was sent to it: somebody else may be asked the same. */
public final class NotSentException extends NetworkException {
    private static final long serialVersionUID = 1L;

    NotSentException(int brokerId) {
        super("broker " + brokerId + " is not there to be asked");
    }
}
