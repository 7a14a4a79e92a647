package io.troupe.config;

import java.util.Locale;

/** Which keys hold secrets, so that neither a message nor DescribeConfigs shows their values. */
public final class Secrets {
    private Secrets() {}

    /** Errs on the side of hiding. */
    public static boolean isSecret(String key) {
        String name = key.toLowerCase(Locale.ROOT);
        return name.contains("password")
                || name.contains("secret")
                || name.contains("jaas")
                || name.contains("credential")
                || name.contains("passphrase")
                || name.contains("token")
                || name.contains("keystore.key");
    }
}
