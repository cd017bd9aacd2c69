package android.view;

public class WindowManager {
  /** How far the phone is turned, in quarters. */
  public int rotation = 0;

  public Display getDefaultDisplay() {
    return new Display(rotation);
  }

  public static class Display {
    private final int rotation;

    Display(int rotation) {
      this.rotation = rotation;
    }

    public int getRotation() {
      return rotation;
    }
  }
}
