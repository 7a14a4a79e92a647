package io.troupe.config;

import java.util.Locale;

/** Which groups change their protocol while members are in them ({@code group.consumer.migration.policy}; KIP-848). */
public enum GroupMigrationPolicy {
    DISABLED(false, false),
    /** From the classic protocol to the consumer protocol. */
    UPGRADE(true, false),
    /** Back. */
    DOWNGRADE(false, true),
    BIDIRECTIONAL(true, true);

    private final boolean upgrades;
    private final boolean downgrades;

    GroupMigrationPolicy(boolean upgrades, boolean downgrades) {
        this.upgrades = upgrades;
        this.downgrades = downgrades;
    }

    /** Whether a group of the classic protocol takes in members of the consumer protocol, and becomes one of these. */
    public boolean upgrades() {
        return upgrades;
    }

    /** Whether a group of the consumer protocol becomes a classic one when only classic members are left. */
    public boolean downgrades() {
        return downgrades;
    }

    /** Another name than these has been reported when it was read, and nothing comes of it. */
    static GroupMigrationPolicy named(String name) {
        for (GroupMigrationPolicy policy : values()) {
            if (policy.name().toLowerCase(Locale.ROOT).equals(name)) {
                return policy;
            }
        }
        return DISABLED;
    }
}
