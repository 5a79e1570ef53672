/* How much a line matters. */

package com.amazonaws.services.lambda.runtime.logging;

import java.util.Locale;

public enum LogLevel {
    UNDEFINED, TRACE, DEBUG, INFO, WARN, ERROR, FATAL;

    public static LogLevel fromString(String level) {
        try {
            return valueOf(level.toUpperCase(Locale.ROOT));
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("Invalid log level: '" + level
                + "' expected one of [TRACE, DEBUG, INFO, WARN, ERROR, "
                + "FATAL]");
        }
    }
}
