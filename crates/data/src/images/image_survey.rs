//! Sizes, colours and means of the images of a folder, as far as files tell: what a network was trained on
//! is in none of them.

use super::image_samples::read;
use super::pixel_grid::PixelGrid;
use std::path::PathBuf;

/// Images that are looked at.
const MOST_IMAGES: usize = 500;

/// Sizes, colours and pixels of images.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSurvey {
    /// Images that were looked at.
    pub images: usize,
    /// Smallest width and height, each by itself.
    pub smallest: (u32, u32),
    /// Largest width and height, each by itself.
    pub largest: (u32, u32),
    /// Images with colours.
    pub coloured: usize,
    /// Mean of pixels from 0 to 1, by channel: one for grey, three for colour.
    pub mean: Vec<f64>,
    /// Their standard deviation.
    pub std: Vec<f64>,
}

impl ImageSurvey {
    /// Looks at images, evenly chosen where they are many, as `channels` channels. `None` where none can
    /// be read.
    pub fn of(files: &[PathBuf], channels: usize) -> Option<ImageSurvey> {
        let step = files.len().div_ceil(MOST_IMAGES).max(1);
        let mut survey = ImageSurvey {
            images: 0,
            smallest: (u32::MAX, u32::MAX),
            largest: (0, 0),
            coloured: 0,
            mean: vec![],
            std: vec![],
        };
        let (mut sums, mut squares, mut count) = (vec![0.0; channels], vec![0.0; channels], 0.0);
        for file in files.iter().step_by(step) {
            let Ok(picture) = read(file) else { continue };
            let (width, height) = (picture.width(), picture.height());
            survey.images += 1;
            survey.smallest = (survey.smallest.0.min(width), survey.smallest.1.min(height));
            survey.largest = (survey.largest.0.max(width), survey.largest.1.max(height));
            survey.coloured += usize::from(picture.color().has_color());
            for (place, share) in PixelGrid::of(&picture, channels).shares().iter().enumerate() {
                let share = f64::from(*share);
                sums[place % channels] += share;
                squares[place % channels] += share * share;
            }
            count += f64::from(width) * f64::from(height);
        }
        if survey.images == 0 || count == 0.0 {
            return None;
        }
        survey.mean = sums.iter().map(|sum| sum / count).collect();
        let spread = squares.iter().zip(&survey.mean);
        survey.std =
            spread.map(|(square, mean)| (square / count - mean * mean).max(0.0).sqrt()).collect();
        Some(survey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_means_are_those_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let colour = folder.path().join("a.png");
        image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([if x < 2 { 0 } else { 255 }, 51, 0]))
            .save(&colour)
            .unwrap();
        let grey = folder.path().join("b.png");
        image::GrayImage::from_pixel(2, 4, image::Luma([51])).save(&grey).unwrap();
        let broken = folder.path().join("c.png");
        std::fs::write(&broken, "no image").unwrap();
        let found = ImageSurvey::of(&[colour.clone(), broken.clone()], 3).unwrap();
        assert_eq!((found.images, found.coloured, found.largest), (1, 1, (4, 2)));
        assert!((found.mean[0] - 0.5).abs() < 1e-6 && (found.std[0] - 0.5).abs() < 1e-6);
        assert!((found.mean[1] - 0.2).abs() < 1e-6 && found.std[1] < 1e-6);
        let both = ImageSurvey::of(&[colour, grey], 1).unwrap();
        assert_eq!((both.smallest, both.largest, both.mean.len()), ((2, 2), (4, 4), 1));
        assert_eq!(ImageSurvey::of(&[broken], 3), None);
    }
}
