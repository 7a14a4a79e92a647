package io.troupe.http;

import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.http.ParsingErrorHandler;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.scaladsl.model.ErrorInfo;
import org.apache.pekko.http.scaladsl.model.StatusCode;
import org.apache.pekko.http.scaladsl.settings.ServerSettings;

/** Answers what is no HTTP in the form of all other errors. Named in the port's settings, and found there by its field. */
public final class BadRequests extends ParsingErrorHandler {
    public static final BadRequests MODULE$ = new BadRequests();

    private BadRequests() {}

    @Override
    public HttpResponse handle(StatusCode status, ErrorInfo error, LoggingAdapter log, ServerSettings settings) {
        int code = status.intValue();
        return Exchange.answer(
                code,
                MediaTypes.JSON,
                HttpPort.body(new HttpFailure(code, "No HTTP request: " + HttpFailure.shown(error.summary()))));
    }
}
