package android.content.res;

public class Configuration {
  public static final int UI_MODE_NIGHT_MASK = 0x30;
  public static final int UI_MODE_NIGHT_YES = 0x20;

  /** A phone by day. */
  public int uiMode = 0x11;
}
