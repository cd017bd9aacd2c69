package android.hardware;

public class Camera {
  /** How the sensor sits in the phone, in degrees; negative where there is none. */
  public static int mounted = 90;

  /** Whether the camera looks at who holds the phone. */
  public static boolean isFront = false;

  public static int getNumberOfCameras() {
    return mounted < 0 ? 0 : 1;
  }

  public static class CameraInfo {
    public int facing;
    public int orientation;
  }

  public static void getCameraInfo(int index, CameraInfo information) {
    if (mounted < 0) {
      throw new RuntimeException("Fail to get camera info");
    }
    information.orientation = mounted;
    information.facing = isFront ? 1 : 0;
  }
}
