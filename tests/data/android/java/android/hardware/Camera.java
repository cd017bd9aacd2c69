package android.hardware;

public class Camera {
  /** How the sensor sits in the phone, in degrees; negative where there is none. */
  public static int mounted = 90;

  public static class CameraInfo {
    public int facing;
    public int orientation;
  }

  public static void getCameraInfo(int index, CameraInfo information) {
    if (mounted < 0) {
      throw new RuntimeException("Fail to get camera info");
    }
    information.orientation = mounted;
  }
}
