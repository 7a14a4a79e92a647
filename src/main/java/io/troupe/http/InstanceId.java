package io.troupe.http;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import java.nio.charset.StandardCharsets;

/** Which consumer instance: its name is its own within its group. */
record InstanceId(String group, String name) {
    /** Characters; also of what becomes an actor's name, where one may take nine. */
    static final int MOST_CHARS = 200;

    InstanceId {
        require(group, "The group's name");
        require(name, "The instance's name");
    }

    private static void require(String name, String what) {
        boolean bad = name.isEmpty()
                || name.length() > MOST_CHARS
                // In a path these are no names: clients take them out of it, and so never come back.
                || name.equals(".")
                || name.equals("..")
                || name.chars().anyMatch(Character::isISOControl)
                || !StandardCharsets.UTF_8.newEncoder().canEncode(name);
        if (bad) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD,
                    what + " must have 1 to " + MOST_CHARS
                            + " characters, none of them a control character, and not be . or ..");
        }
    }

    /** Its name among the sharded entities. */
    String entityId() {
        return group.length() + ":" + group + name;
    }

    /** @throws IllegalArgumentException when it is none */
    static InstanceId ofEntity(String entityId) {
        int colon = entityId.indexOf(':');
        int end = colon + 1 + Integer.parseInt(entityId.substring(0, Math.max(0, colon)));
        if (end <= colon || end > entityId.length()) {
            throw new IllegalArgumentException("no entity of a consumer instance: " + entityId);
        }
        return new InstanceId(entityId.substring(colon + 1, end), entityId.substring(end));
    }

    /** The key of its records. */
    byte[] key() {
        return new FieldWriter().putString(group).putString(name).toByteArray();
    }

    /** @throws RuntimeException when it is no such key */
    static InstanceId ofKey(byte[] key) {
        FieldReader reader = new FieldReader(key);
        return new InstanceId(reader.getString(), reader.getString());
    }

    @Override
    public String toString() {
        return group + "/" + name;
    }
}
