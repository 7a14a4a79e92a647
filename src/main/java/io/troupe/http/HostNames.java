package io.troupe.http;

import java.util.Locale;
import java.util.Set;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.headers.Host;

/**
 * The names by which requests may call this port: addresses, localhost, and those that are given. A web page that makes its own name lead to this
 * machine (DNS rebinding) is, for a browser, of the same origin as this port, but the browser names it as the host.
 *
 * @param allowed in lower case; {@code *} for any
 */
record HostNames(Set<String> allowed) {
    /** @throws HttpFailure 421 */
    void check(HttpRequest request) {
        if (allowed.contains("*")) {
            return;
        }
        request.getHeader(Host.class).map(Host::host).ifPresent(host -> {
            String name = host.address().toLowerCase(Locale.ROOT);
            if (host.isNamedHost() && !known(name.endsWith(".") ? name.substring(0, name.length() - 1) : name)) {
                throw new HttpFailure(
                        421,
                        "This port is not known as " + HttpFailure.shown(host.address())
                                + "; troupe.http.allowed.hosts may name it, and localhost and addresses always do.");
            }
        });
    }

    private boolean known(String name) {
        return name.equals("localhost") || name.endsWith(".localhost") || allowed.contains(name);
    }
}
