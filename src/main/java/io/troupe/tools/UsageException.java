package io.troupe.tools;

/** Arguments that make no command, or none that can be carried out; the message says what is wrong and what is allowed. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
