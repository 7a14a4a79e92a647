package io.troupe.http;

import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;

/**
 * Which web pages may do what. A browser sends requests without a body, and forms, from any page to any address, and only keeps the answer
 * from the page; but it tells whose page it was (Fetch Metadata's Sec-Fetch-Site, else Origin). Clients that are no browsers send neither.
 *
 * @param allowed as in {@code https://console.example.com}; {@code *} for any
 */
record Origins(List<String> allowed) {
    private static final String CONSUMERS = "/consumers/";

    /** The origin of the request's page, if it is one of those that may call. */
    Optional<String> allowed(HttpRequest request) {
        return header(request, "Origin").filter(origin -> allowed.contains("*") || allowed.contains(origin));
    }

    /**
     * That nothing is changed by the page of somebody else.
     *
     * @param route the request's; its path may be written in more ways than one
     * @throws HttpFailure 403
     */
    void check(HttpRequest request, Route route) {
        if (changes(route) && isForeign(request) && allowed(request).isEmpty()) {
            throw new HttpFailure(
                    403,
                    "A page from " + HttpFailure.shown(header(request, "Origin").orElse("elsewhere"))
                            + " may not do this; troupe.http.cors.origins may name it.");
        }
    }

    /** To read by a consumer instance moves it. */
    private static boolean changes(Route route) {
        return !route.method().equals("GET") || route.template().startsWith(CONSUMERS);
    }

    private static boolean isForeign(HttpRequest request) {
        Optional<String> site = header(request, "Sec-Fetch-Site");
        if (site.isPresent()) {
            return site.get().equals("cross-site") || site.get().equals("same-site");
        }
        return header(request, "Origin")
                .filter(origin ->
                        !hostOf(origin).equalsIgnoreCase(header(request, "Host").orElse("")))
                .isPresent();
    }

    private static String hostOf(String origin) {
        try {
            return String.valueOf(URI.create(origin).getRawAuthority());
        } catch (IllegalArgumentException e) {
            return "null";
        }
    }

    private static Optional<String> header(HttpRequest request, String name) {
        return request.getHeader(name).map(HttpHeader::value);
    }
}
