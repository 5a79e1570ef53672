/* Why a function cannot be loaded, with the type that its caller sees. */

package ngxfaas;

final class LoadException extends Exception {

    private static final long serialVersionUID = 1;

    final String type;


    LoadException(String type, String message) {
        super(message);
        this.type = type;
        setStackTrace(new StackTraceElement[0]);
    }


    LoadException(Class<?> type, String message) {
        this(type.getName(), message);
    }
}
